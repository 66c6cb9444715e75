// One submission: spark-submit as a process of this task, what it prints, and what is known of its application.

import { createServer } from 'node:net'
import { FailTask, type OperatorContext } from '../../sdk/index.ts'
import { startError } from '../subprocess/ending.ts'
import { contextVariables, givenVariables, inheritedEnvironment } from '../subprocess/environment.ts'
import { inTemporaryFolder } from '../subprocess/folder.ts'
import { OutputLines } from '../subprocess/lines.ts'
import { type Ended, runCommand } from '../subprocess/process.ts'
import { checkApplication } from './application.ts'
import { findSparkSubmit } from './binary.ts'
import type { Cluster, ClusterJob } from './cluster.ts'
import { settingsOf, submitArguments } from './command.ts'
import type { SparkTarget } from './connection.ts'
import { DriverLog } from './driver-log.ts'
import type { SparkSubmitOptions } from './options.ts'
import { MARK, ProgressWatch } from './progress.ts'
import { isSecretName, maskerOf } from './secrets.ts'
import { standaloneCluster } from './standalone.ts'
import { yarnCluster } from './yarn.ts'

/** What Spark tells of its course: dozens of such lines follow on the one that says why a driver failed. */
const PROGRESS = /^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d INFO /

/** What a test may set. */
export interface SparkSettings {
  /** Over this process's environment: PATH to find spark-submit in, SPARK_LOCAL_IP. */
  readonly environment?: Readonly<Record<string, string>>
  /** Milliseconds between SIGTERM and SIGKILL of spark-submit when the attempt must stop. Default 2000. */
  readonly graceMs?: number
}

export interface Submission {
  readonly op: OperatorContext
  readonly target: SparkTarget
  /** Null where there is none: `local`. */
  readonly cluster: Cluster | null
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly driver: DriverLog
  readonly progress: ProgressWatch
  readonly lines: OutputLines
  /** A line of the driver's output. */
  readonly tell: (line: string) => void
  /** Asked for; the driver's log tells which one it is. */
  readonly uiPort: number
  readonly pollMs: number
  readonly graceMs: number
}

/** Spark takes the next one where this one has been taken meanwhile. */
function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 4040))
    })
  })
}

function clusterOf({ kind, master, webUis }: SparkTarget): Cluster | null {
  if (kind === 'local') return null
  return kind === 'yarn' ? yarnCluster(webUis) : standaloneCluster(master, webUis)
}

/** As a person would type it, without what is secret. */
function commandText(program: string, args: readonly string[], mask: (text: string) => string): string {
  const shown = args.map((argument, i) => {
    const name = args[i - 1] === '--conf' ? argument.slice(0, argument.indexOf('=')) : ''
    return isSecretName(name) ? `${name}=***` : mask(argument)
  })
  return [program, ...shown.map((text) => (/^[\w@%+=:,./*[\]-]+$/.test(text) ? text : JSON.stringify(text)))].join(' ')
}

const portOf = (settings: Readonly<Record<string, string>>): number => {
  const text = settings['spark.ui.port'] ?? ''
  return /^\d{1,5}$/.test(text) ? Number(text) : 4040
}

/** Everything is looked at before Spark is started. @throws FailTask, Error */
export async function prepareSubmission(
  op: OperatorContext,
  target: SparkTarget,
  options: SparkSubmitOptions,
  { environment = {}, graceMs = 2_000 }: SparkSettings,
): Promise<Submission> {
  await checkApplication(options.application, target)
  const given = givenVariables(options.envVars)
  const env = { ...inheritedEnvironment(), ...environment, ...given, ...contextVariables(op) }
  const home = target.home === undefined ? {} : { SPARK_HOME: target.home }
  const program = await findSparkSubmit(target, options.sparkBinary, env)
  const mark = `${op.dagId}/${op.taskId}/${op.runId}/${op.mapIndex}/${op.tryNumber}`
  const name = options.name ?? `${op.dagId}.${op.taskId}`
  const settings = settingsOf(options, { 'spark.ui.port': String(await freePort()), [MARK]: mark })
  const args = submitArguments({ ...options, name }, target, settings)
  const mask = maskerOf(settings, given)
  const driver = new DriverLog()
  const tell = (line: string): void => {
    driver.see(line)
    op.log.info(mask(line))
  }
  const lines = new OutputLines('utf-8', tell, (line) => !PROGRESS.test(line))
  op.log.info({ master: target.master, command: commandText(program, args, mask) }, 'submitting')
  return {
    op,
    target,
    cluster: clusterOf(target),
    program,
    args,
    env: { ...env, ...home },
    driver,
    progress: new ProgressWatch(op.log, settings[MARK] ?? mark),
    lines,
    tell,
    uiPort: portOf(settings),
    pollMs: (options.statusPollInterval ?? 1) * 1_000,
    graceMs,
  }
}

/** Runs spark-submit to its end. @throws the signal's reason */
export async function runSubmit({ op, program, args, env, lines, graceMs }: Submission): Promise<Ended> {
  const ended = await inTemporaryFolder('spark', (cwd) =>
    runCommand({
      shell: '/bin/sh',
      program,
      args,
      cwd,
      env,
      signal: op.signal,
      graceMs,
      output: (chunk) => lines.add(chunk),
    }).catch((error: unknown) => {
      throw startError(error, 'conf, applicationArgs or another option', 'put it into a file')
    }),
  )
  lines.end()
  op.log.info({ exitCode: ended.exitCode }, 'spark-submit has ended')
  return ended
}

/** What runs at the cluster as far as is known: the driver first, which starts the application. */
export function jobsOf({ driver, target }: Pick<Submission, 'driver' | 'target'>): readonly ClusterJob[] {
  const { driverId, applicationId } = driver.identity
  const isStandaloneDriver = driverId !== null && target.kind === 'standalone' && target.deployMode === 'cluster'
  return [
    ...(isStandaloneDriver ? [{ kind: 'driver' as const, id: driverId }] : []),
    ...(applicationId === null ? [] : [{ kind: 'application' as const, id: applicationId }]),
  ]
}

/** @throws FailTask: without its id it could neither be watched nor killed */
export function requireDriver(driver: DriverLog): ClusterJob {
  const { driverId } = driver.identity
  if (driverId !== null) return { kind: 'driver', id: driverId }
  throw new FailTask(
    'spark-submit ended with exit code 0 and named no driver, which may run at the cluster: look there, and let spark-submit ' +
      'log org.apache.spark.deploy at INFO',
  )
}
