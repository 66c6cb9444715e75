// `dagctl scheduler`, `worker`, `webserver`: each a process of its own, which loads its own room and no other.

import { realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import type { Config } from '../../runtime/config.ts'
import { packageRoot } from '../../runtime/paths.ts'
import { loadKey } from '../../runtime/secrets.ts'
import type { Service } from '../../runtime/service.ts'
import { type DagRoot, EXAMPLES_PREFIX } from '../../scheduler/dag-files.ts'
import type { Database } from '../../store/database.ts'
import { listKnownFiles } from '../../store/postgres/dags.ts'
import { port, wholeNumber } from '../arguments.ts'
import { typesChecker } from '../check/types-process.ts'
import { setExitCode } from '../output.ts'
import { runProcess } from '../run-process.ts'
import type { Context } from '../wire.ts'

/** What runs at a start is done by then, or takes long, ms. */
const FIRST_CHECK_WAITS_MS = 60_000

const resolved = (path: string): string | null => {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

/** The user's folder, and the product's examples unless they are the same folder. */
async function dagRoots(config: Config, database: Database): Promise<DagRoot[]> {
  const folder = resolve(config.dagsFolder)
  const own = resolved(folder)
  const examples = config.loadExamples ? resolved(join(packageRoot, 'dags')) : null
  // A folder that files were read from is away for a while, and is waited for; one that never was is a mistake.
  if (own === null && examples === null && (await listKnownFiles(database)).length === 0) {
    throw new BaramError(
      'CONFIG_INVALID',
      `there is no DAGs folder ${config.dagsFolder}; make it, or set BARAM__CORE__DAGS_FOLDER`,
    )
  }
  // As it was given: what a link in it leads to is asked anew at each listing.
  const roots: DagRoot[] = [{ folder, prefix: '' }]
  if (examples !== null && examples !== own) roots.push({ folder: examples, prefix: EXAMPLES_PREFIX })
  return roots
}

interface WorkerFlags {
  readonly queues?: string
  readonly concurrency?: number
  readonly logFile?: string
}

/** Null = every queue. */
function queuesOf(flags: WorkerFlags, config: Config): readonly string[] | null {
  const named = flags.queues
    ?.split(',')
    .map((queue) => queue.trim())
    .filter((queue) => queue !== '')
  const queues = named === undefined || named.length === 0 ? config.queues : named
  return queues.length === 0 ? null : queues
}

export function addProcessCommands(program: Command): void {
  program
    .command('scheduler')
    .description('run the scheduler with its dag-processor, triggerer and callbacks')
    .option('--log-file <path>', 'write the log there instead of to standard error')
    .action(async (flags: { logFile?: string }) => {
      const code = await runProcess({
        name: 'scheduler',
        logFile: flags.logFile,
        async make({ config, database, vault, log }, onFatal) {
          const { Scheduler } = await import('../../scheduler/scheduler.ts')
          const { Triggerer } = await import('../../scheduler/triggerer.ts')
          const { Callbacks } = await import('../../scheduler/callbacks.ts')
          const { DagProcessor } = await import('../../scheduler/dag-processor.ts')
          return [
            new Scheduler({ config, database, log, onFatal }),
            new Triggerer({ config, database, vault, log, onFatal }),
            new Callbacks({ config, database, vault, log, onFatal }),
            new DagProcessor({
              config,
              database,
              log,
              roots: await dagRoots(config, database),
              checkTypes: config.checkTypes ? typesChecker(config.childEnv, FIRST_CHECK_WAITS_MS) : null,
              onFatal,
            }),
          ]
        },
      })
      setExitCode(code)
    })
  program
    .command('worker')
    .description('run a worker')
    .option('-q, --queues <names>', 'queues to take from, comma-separated; default: all')
    .option('-c, --concurrency <n>', 'attempts at a time', wholeNumber('--concurrency', { least: 1 }))
    .option('--log-file <path>', 'write the log there instead of to standard error')
    .action(async (flags: WorkerFlags) => {
      const code = await runProcess({
        name: 'worker',
        logFile: flags.logFile,
        async make({ config, database, vault, log }, onFatal) {
          const { Worker } = await import('../../worker/worker.ts')
          const concurrency = flags.concurrency ?? config.workerConcurrency
          return [new Worker({ config, database, vault, log, queues: queuesOf(flags, config), concurrency, onFatal })]
        },
      })
      setExitCode(code)
    })
  program
    .command('webserver')
    .alias('api-server')
    .description('run the REST API and the pages')
    .option('-p, --port <port>', 'port to listen on', port('--port'))
    .option('--log-file <path>', 'write the log there instead of to standard error')
    .action(async (flags: { port?: number; logFile?: string }) => {
      setExitCode(
        await runProcess({
          name: 'webserver',
          logFile: flags.logFile,
          make: async (context) => [await makeWebService(context, flags.port)],
        }),
      )
    })
}

async function makeWebService(context: Context, port: number | undefined): Promise<Service> {
  const { WebService } = await import('../web-service.ts')
  const { config } = context
  const jwtSecret = config.jwtSecret ?? loadKey(config.home, 'jwt', true)
  return new WebService({ ...context, config: port === undefined ? config : { ...config, port }, jwtSecret })
}
