// Opens the C library, of glibc or of musl, for the little that Bun has no word for.

import { dlopen, type FFIFunction } from 'bun:ffi'

/** @throws Error when there is none */
export function openCLibrary<Functions extends Record<string, FFIFunction>>(functions: Functions) {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  const names = ['libc.so.6', `libc.musl-${machine}.so.1`]
  for (const name of names) {
    try {
      return dlopen(name, functions).symbols
    } catch {
      // The other C library, then.
    }
  }
  throw new Error(`none of ${names.join(', ')} could be opened`)
}
