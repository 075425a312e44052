// Where the plugins of the Core here are: what PLUGINS_DIR says to the Core, too.

/** At least one. */
export function pluginsFolders(): string[] {
  const given = (process.env.PLUGINS_DIR ?? '').split(':').flatMap((folder) => folder.trim() || [])
  return given.length === 0 ? ['plugins'] : given
}
