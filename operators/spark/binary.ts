// spark-submit on this worker.

import { access, constants } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { FailTask } from '../../sdk/index.ts'
import { findProgram } from '../subprocess/process.ts'
import type { SparkTarget } from './connection.ts'

const isProgram = (file: string) =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  )

function missing(found: string, connId: string): Error {
  return new Error(
    `sparkSubmit: ${found} on this worker: install Spark (a distribution, or pip install pyspark) and Java, name its folder by ` +
      `spark-home in the extra of connection ${connId} or its program by sparkBinary, or give the task a queue of workers that have it`,
  )
}

/** @throws Error when it is not there; retries apply, since another worker may have it */
export async function findSparkSubmit(
  target: SparkTarget,
  sparkBinary: string | undefined,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const name = sparkBinary ?? target.binary ?? 'spark-submit'
  if (name.includes('/')) {
    if (!isAbsolute(name)) throw new FailTask(`sparkBinary must be a name or an absolute path, found ${name}`)
    if (await isProgram(name)) return name
    throw missing(`${name} cannot be run`, target.connId)
  }
  if (target.home !== undefined) {
    const file = join(target.home, 'bin', name)
    if (await isProgram(file)) return file
    throw missing(`${file} cannot be run`, target.connId)
  }
  const path = [
    environment['PATH'] ?? '',
    ...(environment['SPARK_HOME'] ? [join(environment['SPARK_HOME'], 'bin')] : []),
  ]
  const found = await findProgram(name, path.filter((part) => part !== '').join(':'))
  if (found !== null) return found
  throw missing(`${name} was not found (PATH is ${environment['PATH'] ?? 'empty'})`, target.connId)
}
