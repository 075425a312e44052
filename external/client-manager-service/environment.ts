// The environment, read once and checked: the only file here that knows its names.

import { readFileSync } from 'node:fs'
import * as v from 'valibot'

export interface Environment {
  readonly host: string
  readonly port: number
  /** All that the service writes stands below it. */
  readonly dataDir: string
  /** Proves to the service that it is the Core who calls, and to the Core that it is the service. */
  readonly credential: string
  /** Where the Core is, to be told of events; null: nobody is told. */
  readonly coreUrl: string | null
}

const Given = v.object({
  HOST: v.optional(v.pipe(v.string(), v.nonEmpty()), '127.0.0.1'),
  PORT: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,5}$/, 'must be a port number'),
      v.transform(Number),
      v.maxValue(65_535),
    ),
    '10000',
  ),
  DATA_DIR: v.optional(v.pipe(v.string(), v.nonEmpty()), './data'),
  /** `HOME_CONSOLE_CREDENTIAL_FILE` names a file that holds it, as Docker lays a secret. */
  HOME_CONSOLE_CREDENTIAL: v.pipe(
    v.string('must be the credential that the Core knows as EXTERNAL_CLIENT_MANAGER_SERVICE__CREDENTIAL'),
    v.regex(/^[\x21-\x7e]{16,512}$/, 'must be 16 to 512 visible ASCII characters'),
  ),
  HOME_CONSOLE_URL: v.optional(v.pipe(v.string(), v.url())),
})

/** Takes the credential out of it, so that nothing that is started from here has it. @throws Error that names each mistake */
export function readEnvironment(env: Record<string, string | undefined>): Environment {
  const given = Object.fromEntries(
    Object.keys(Given.entries).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  )
  const file = env['HOME_CONSOLE_CREDENTIAL_FILE']
  if (file) given['HOME_CONSOLE_CREDENTIAL'] ??= textOf(file)
  const { success, output, issues } = v.safeParse(Given, given)
  if (!success) throw new Error(issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join('\n'))
  delete env['HOME_CONSOLE_CREDENTIAL']
  return {
    host: output.HOST,
    port: output.PORT,
    dataDir: output.DATA_DIR,
    credential: output.HOME_CONSOLE_CREDENTIAL,
    coreUrl: output.HOME_CONSOLE_URL?.replace(/\/$/, '') ?? null,
  }
}

/** Without the line break at its end. @throws Error */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd()
  } catch (error) {
    throw new Error(`HOME_CONSOLE_CREDENTIAL_FILE: ${(error as Error).message}`, { cause: error })
  }
}
