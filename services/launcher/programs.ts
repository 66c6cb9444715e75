// Programs that run to their end while a server is prepared: formatting a disk, asking Maven for jars.

import { execFile } from 'node:child_process'
import { ServiceError } from './errors.ts'
import { type Command, withEnvironment } from './member.ts'

const LIMIT_MS = 10 * 60_000
const SHOWN = 4_000

const isMissing = (error: Error) => 'code' in error && error.code === 'ENOENT'

/**
 * Its standard output. `installHint` is told when the program is not there.
 * @throws ServiceError
 */
export function runToEnd(command: Command, installHint: string): Promise<string> {
  const { cwd } = command
  const [program, args] = withEnvironment(command)
  const options = { maxBuffer: 64 * 1024 * 1024, timeout: LIMIT_MS, ...(cwd !== undefined && { cwd }) }
  return new Promise((resolve, reject) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      if (isMissing(error))
        return reject(
          new ServiceError('unavailable', `there is no ${command.program} here: ${installHint}`, { cause: error }),
        )
      const said = `${stdout}\n${stderr}`.trim().slice(-SHOWN)
      // Its own message is the whole command line, which for Java is pages long.
      const how =
        error.code === undefined || error.code === null ? `was ended by ${error.signal}` : `ended with ${error.code}`
      return reject(new ServiceError('failed', `${command.program} ${how}:\n${said}`))
    })
  })
}
