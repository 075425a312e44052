// Errors as HTTP tells them: RFC 9457 problem details, thrown as one kind of Error.

/** A status of 400 to 599 with a `code` that programs may rely on. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  readonly detail: string | undefined
  /** Members beside the standard ones, such as `errors` or `reload`. */
  readonly extensions: Readonly<Record<string, unknown>>

  constructor(status: number, code: string, detail?: string, extensions: Record<string, unknown> = {}) {
    super(detail ?? code)
    this.status = status
    this.code = code
    this.detail = detail
    this.extensions = extensions
  }
}

/**
 * An error to throw: `throw problem(404, 'no_such_lamp', 'There is no lamp "hall".')`. From a plugin's handler the client
 * sees the code as `<id>.no_such_lamp`.
 *
 * @throws RangeError when the status is not within 400 to 599
 */
export function problem(status: number, code: string, detail?: string): Problem {
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    throw new RangeError(`A problem's status is within 400 to 599, not ${status}.`)
  }
  return new Problem(status, code, detail)
}
