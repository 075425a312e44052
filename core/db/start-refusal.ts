// Why the Core does not start with this data folder: what is wrong, where, what to do, and the exit code that says so.

/** After `sysexits.h`: EX_DATAERR, EX_CANTCREAT, EX_TEMPFAIL. */
const EXIT_CODES = { data: 65, folder: 73, taken: 75 } as const

export class StartRefusal extends Error {
  override readonly name = 'StartRefusal'
  readonly exitCode: number

  /** @param kind the data is not what it was; the folder cannot be written; another Core has it */
  constructor(kind: keyof typeof EXIT_CODES, message: string, cause?: unknown) {
    super(message, { cause })
    this.exitCode = EXIT_CODES[kind]
  }
}
