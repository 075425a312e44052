// A service: methods that a plugin offers to others by name, and the handle through which they call them.

/**
 * Services that everybody may know, by name. A plugin adds its own in its `contract.ts`:
 * `declare module '@home-console/sdk' { interface Services { lamp: { isOn(): boolean } } }`
 */
export interface Services {}

/** The names that are known to the types. */
export type ServiceName = keyof Services & string

type Method = (...args: never[]) => unknown
type MethodsOf<Service> = {
  [Name in keyof Service]-?: NonNullable<Service[Name]> extends Method ? Name : never
}[keyof Service]

/**
 * What `ctx.services.use` gives. Every call gives a promise, whatever the method gives; it is made to whoever provides
 * the service at that moment.
 */
export type ServiceHandle<Service> = {
  readonly [Name in MethodsOf<Service>]: NonNullable<Service[Name]> extends (
    ...args: infer Arguments
  ) => infer Result
    ? (...args: Arguments) => ServiceResult<Awaited<Result>>
    : never
}

/** An async iterable can be had by `for await` with and without an `await` of the call. */
export type ServiceResult<Result> = 0 extends 1 & Result
  ? Promise<any> & AsyncIterable<any>
  : [Result] extends [AsyncIterable<infer Item>]
    ? Promise<AsyncIterableIterator<Item>> & AsyncIterable<Item>
    : Promise<Result>

/** What `ctx.services.provide` takes: each method may give its result at once or promise it. */
export type ServiceImplementation<Service> = {
  readonly [Name in MethodsOf<Service>]: NonNullable<Service[Name]> extends (
    ...args: infer Arguments
  ) => infer Result
    ? (...args: Arguments) => Awaited<Result> | PromiseLike<Awaited<Result>>
    : never
}

/** A service of a name that no contract tells of can be called in any way. */
export type ServiceOf<Name extends string> = Name extends ServiceName ? ServiceHandle<Services[Name]> : any

export type ImplementationOf<Name extends string> = Name extends ServiceName
  ? ServiceImplementation<Services[Name]>
  : object
