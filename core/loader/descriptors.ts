// The process's open descriptors, in words: what a plugin left open shows as the difference.

import { readdirSync, readlinkSync } from 'node:fs'
import type { Hold } from '@home-console/sdk'

export type Descriptor = Hold

const FOLDER = '/proc/self/fd'

/** By number; empty where the system does not tell. */
export function openDescriptors(): Map<string, Descriptor> {
  const descriptors = new Map<string, Descriptor>()
  let numbers: string[]
  try {
    numbers = readdirSync(FOLDER)
  } catch {
    return descriptors
  }
  for (const number of numbers) {
    try {
      descriptors.set(number, describe(readlinkSync(`${FOLDER}/${number}`)))
    } catch {
      // Closed since it was listed, such as the one that listed it.
    }
  }
  return descriptors
}

function describe(target: string): Descriptor {
  if (target.startsWith('socket:')) return { kind: 'socket', label: target }
  if (target.startsWith('pipe:')) return { kind: 'pipe', label: target }
  if (target.startsWith('anon_inode:[pidfd]')) return { kind: 'child process', label: target }
  if (target.startsWith('anon_inode:')) return { kind: 'descriptor', label: target }
  return { kind: 'file', label: target }
}
