// Lets no child process outlive the Core, where the kernel can see to that.

/** A command in front of a child, which becomes it: the kernel ends it when the Core dies, however it dies. */
export async function guardCommand(): Promise<readonly string[]> {
  const setpriv = process.platform === 'linux' ? Bun.which('setpriv') : null
  if (setpriv === null) return []
  const guard = [setpriv, '--pdeathsig', 'KILL']
  // That of busybox does not know the word.
  const known = Bun.spawn([...guard, process.execPath, '--version'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  return (await known.exited) === 0 ? guard : []
}
