// The function that is called, directly and as a service's method.

export async function add(one: number, other: number): Promise<number> {
  return one + other
}
