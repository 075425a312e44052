// The service's own SQLite file: opened, and brought up to date.

import { Database } from 'bun:sqlite'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** Each is applied once, in order; one that was released is never edited. The file's `user_version` counts them. */
const MIGRATIONS = [
  `
  CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    public_key TEXT NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN ('pending', 'approved', 'rejected')),
    about TEXT NOT NULL,
    ip TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    decided_by TEXT,
    online INTEGER NOT NULL DEFAULT 0,
    connected_at INTEGER,
    last_heartbeat INTEGER
  ) STRICT;

  CREATE TABLE codes (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    used_by TEXT
  ) STRICT;

  CREATE TABLE commands (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    name TEXT,
    argv TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    timeout INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    exit_code INTEGER,
    error TEXT,
    cancelled_by TEXT,
    chunks INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    truncated INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX commands_of_client ON commands (client_id, status);

  CREATE TABLE output (
    command INTEGER NOT NULL REFERENCES commands (number) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    stream TEXT NOT NULL CHECK (stream IN ('stdout', 'stderr')),
    data TEXT NOT NULL,
    PRIMARY KEY (command, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  `,
]

/** @throws Error when the file is of a newer version, or damaged */
export function openDatabase(dataDir: string): Database {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, 'client-manager.sqlite')
  const db = new Database(file, { create: true, strict: true })
  chmodSync(file, 0o600)
  db.run('PRAGMA journal_mode = WAL')
  db.run('PRAGMA synchronous = NORMAL')
  db.run('PRAGMA foreign_keys = ON')
  db.run('PRAGMA busy_timeout = 2000')
  const { user_version: version } = db.query<{ user_version: number }, []>('PRAGMA user_version').get()!
  if (version > MIGRATIONS.length) {
    db.close()
    throw new Error(
      `${file} is of a newer version (${version}) than this service (${MIGRATIONS.length}): update the service.`,
    )
  }
  db.transaction(() => {
    for (const migration of MIGRATIONS.slice(version)) db.run(migration)
    db.run(`PRAGMA user_version = ${MIGRATIONS.length}`)
  })()
  return db
}

/** In one transaction that a power cut does not take. For what the owner decided; output and heartbeats need no such care. */
export function durably<T>(db: Database, run: () => T): T {
  db.run('PRAGMA synchronous = FULL')
  try {
    return db.transaction(run)()
  } finally {
    db.run('PRAGMA synchronous = NORMAL')
  }
}
