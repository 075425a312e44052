// The parser of JSON with comments, loaded when it is first needed: a house that nobody set by hand never does, and is
// lighter by what it weighs.

export function jsonc(): typeof import('jsonc-parser') {
  return require('jsonc-parser') as typeof import('jsonc-parser')
}
