// The Standard Schema interface: what valibot's, zod's and other libraries' schemas have in common.
// The shape is that of https://standardschema.dev, version 1.

export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: ReadonlyArray<StandardIssue> }

export interface StandardIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** What the schema makes of a value that it accepts. */
export type OutputOf<Schema extends StandardSchemaV1> = NonNullable<Schema['~standard']['types']>['output']

/** What a value must look like to be accepted by the schema. */
export type InputOf<Schema extends StandardSchemaV1> = NonNullable<Schema['~standard']['types']>['input']
