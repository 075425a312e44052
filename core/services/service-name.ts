// What a service may be called.

/** Dot-separated words, as in the type of an event. */
export const SERVICE_NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/

export function isServiceName(name: unknown): name is string {
  return typeof name === 'string' && SERVICE_NAME.test(name)
}
