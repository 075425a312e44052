// Whether anyone is at an address: asked only when an answer is slow in coming, as `fetch` does not say whether it is
// still connecting.

/** @returns false where within so many ms nobody took a connection, nor refused one */
export async function isAnyoneAt(hostname: string, port: number, ms: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), ms)
  const answered = () => resolve(true)
  Bun.connect({
    hostname,
    port,
    socket: {
      open(socket) {
        answered()
        socket.terminate()
      },
      data() {},
      connectError: answered,
    },
  }).catch(answered)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}
