// Starts the service of the tests as somebody else would, who runs it beside the house, and asks it what it got.

import { join } from 'node:path'

export interface Received {
  received: { headers: Record<string, string>; body: string }[]
  hanging: number
  calledOff: number
  /** How often its document was asked for. */
  documents: number
}

export class ServiceProcess implements AsyncDisposable {
  readonly url: string
  readonly #process: Bun.Subprocess<'ignore', 'pipe', 'inherit'>

  private constructor(port: string, child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>) {
    this.url = `http://127.0.0.1:${port}`
    this.#process = child
  }

  /** @param env `PORT`: where it was before */
  static async start(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'service-program.ts')], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
      env: { PATH: process.env['PATH'], ...env },
    })
    const { value } = await child.stdout.getReader().read()
    return new ServiceProcess(new TextDecoder().decode(value).trim(), child)
  }

  get port(): string {
    return new URL(this.url).port
  }

  async got(): Promise<Received> {
    return (await fetch(`${this.url}/received`)).json() as Promise<Received>
  }

  async put(path: string, body: string): Promise<void> {
    await fetch(this.url + path, { method: 'PUT', body })
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
