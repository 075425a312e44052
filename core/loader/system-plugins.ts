// The plugins that ship with Home Console and have its privileges. They come from this list, never from a plugin's claim.

export const SYSTEM_PLUGINS: ReadonlySet<string> = new Set<string>([])
