// The file that is saved.

export const version = 0
