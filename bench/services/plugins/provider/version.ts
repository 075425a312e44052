// Saved anew for each version.

export const version = 0
