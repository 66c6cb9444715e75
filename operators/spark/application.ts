// The application: which language it is, whether its file is there, and where it can run.

import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FailTask } from '../../sdk/index.ts'
import type { SparkTarget } from './connection.ts'

export type Language = 'jar' | 'python' | 'sql' | 'other'

/** Runs a file of statements as `spark-sql -f` does. */
export const SQL_MAIN = 'org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver'

export function languageOf(application: string): Language {
  const path = application.replace(/[?#].*$/, '').toLowerCase()
  if (path.endsWith('.jar')) return 'jar'
  if (path.endsWith('.py')) return 'python'
  if (path.endsWith('.sql')) return 'sql'
  return 'other'
}

/** Of this host: its path; elsewhere, or inside Spark: null. */
function localPath(application: string): string | null {
  if (application === 'spark-internal') return null
  if (/^file:/i.test(application)) return fileURLToPath(application)
  return /^[a-z][a-z0-9+.-]*:/i.test(application) ? null : application
}

/** @throws FailTask for what this master cannot run, or what is not there */
export async function checkApplication(
  application: string,
  { kind, deployMode, master }: Pick<SparkTarget, 'kind' | 'deployMode' | 'master'>,
): Promise<void> {
  // spark-submit would take it for an option of its own.
  if (application.startsWith('-')) throw new FailTask(`application must be a file, found ${application.slice(0, 100)}`)
  const language = languageOf(application)
  if (deployMode === 'cluster' && kind === 'local')
    throw new FailTask(`${master} has no cluster to run a driver on: use deploy mode client, or another master`)
  if (deployMode === 'cluster' && language === 'sql')
    throw new FailTask(`Spark runs a SQL file in client mode only: ${application}`)
  if (deployMode === 'cluster' && kind === 'standalone' && language === 'python')
    throw new FailTask(
      `Spark's standalone cluster runs Python applications in client mode only: set deployMode to client, or use YARN (${application})`,
    )
  const path = localPath(application)
  if (path === null || (deployMode === 'cluster' && kind === 'standalone')) return
  if (!isAbsolute(path)) throw new FailTask(`application must be an absolute path or an address, found ${application}`)
  const found = await stat(path).catch(() => null)
  if (found?.isFile() !== true) throw new FailTask(`application ${application} is not a file of this host`)
}
