// A folder of migrations, as drizzle-kit writes it.

export interface Script {
  readonly tag: string
  readonly sql: string
}

/** Files by name, below the plugin's folder. */
export function migrations(scripts: readonly Script[], folder = 'drizzle'): Record<string, string> {
  const entries = scripts.map(({ tag }, idx) => ({
    idx,
    version: '6',
    when: 1_700_000_000_000 + idx,
    tag,
    breakpoints: true,
  }))
  return {
    ...Object.fromEntries(scripts.map(({ tag, sql }) => [`${folder}/${tag}.sql`, sql])),
    [`${folder}/meta/_journal.json`]: JSON.stringify({ version: '7', dialect: 'sqlite', entries }),
  }
}
