// The process: reads the environment, starts the service, answers to signals, and ends it.

import { readEnvironment } from './environment.ts'
import { type RunningService, startService } from './server.ts'

/** https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html: 78 is EX_CONFIG. */
const EXIT_CONFIG = 78

function main(): void {
  let environment
  try {
    environment = readEnvironment(process.env)
  } catch (error) {
    console.error(`The client manager cannot start.\n${(error as Error).message}`)
    process.exit(EXIT_CONFIG)
  }
  let service: RunningService
  try {
    service = startService(environment, (message) => console.log(message))
  } catch (error) {
    console.error(`The client manager cannot start.\n${(error as Error).message}`)
    process.exit(1)
  }
  process.on('uncaughtException', (error) => console.error('Nobody caught:', error))
  process.on('unhandledRejection', (error) => console.error('Nobody awaited:', error))
  const stop = () => void service.stop().then(() => process.exit(0))
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  console.log(`Listening on ${service.url.href}`)
}

main()
