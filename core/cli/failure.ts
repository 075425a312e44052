// The ways in which a command ends badly, and the exit code of each.

export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Understood, and the answer is no: 1. */
export class Refused extends Failure {
  constructor(message: string) {
    super(message, 1)
  }
}

/** Not understood: 2. */
export class BadUsage extends Failure {
  constructor(message: string) {
    super(message, 2)
  }
}

/** No Home Console there: 3. */
export class Unreachable extends Failure {
  constructor(message: string) {
    super(message, 3)
  }
}
