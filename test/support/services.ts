// The services of the product in a test's own process, each made as the wiring makes it, and what they must not leave behind.

import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebService } from '../../cli/web-service.ts'
import { Vault } from '../../engine/admin/vault.ts'
import type { ServiceDeps } from '../../engine/process.ts'
import { RunCache } from '../../engine/transaction/run-cache.ts'
import { type Config, loadConfig } from '../../runtime/config.ts'
import { secretBox } from '../../runtime/secrets.ts'
import type { Service } from '../../runtime/service.ts'
import { Callbacks } from '../../scheduler/callbacks.ts'
import { DagProcessor } from '../../scheduler/dag-processor.ts'
import { Scheduler } from '../../scheduler/scheduler.ts'
import { Triggerer } from '../../scheduler/triggerer.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { Worker } from '../../worker/worker.ts'
import { write } from './dag-processor.ts'
import { quietLog } from './engine.ts'

const vaultOn = (database: Database) =>
  new Vault({
    database,
    box: secretBox(randomBytes(32)),
    variableOverrides: new Map(),
    connectionOverrides: new Map(),
    sensitiveNames: [],
  })

const rootOf = (config: Config) => ({ folder: config.dagsFolder, prefix: '' })

/** Every service, as the commands make it. */
export const SERVICES = {
  scheduler: (deps: ServiceDeps) => new Scheduler(deps),
  triggerer: (deps: ServiceDeps) => new Triggerer({ ...deps, vault: vaultOn(deps.database) }),
  callbacks: (deps: ServiceDeps) => new Callbacks({ ...deps, vault: vaultOn(deps.database) }),
  'dag-processor': (deps: ServiceDeps) => new DagProcessor({ ...deps, roots: [rootOf(deps.config)], checkTypes: null }),
  worker: (deps: ServiceDeps) => new Worker({ ...deps, vault: vaultOn(deps.database), concurrency: 2, queues: null }),
  webserver: (deps: ServiceDeps) =>
    new WebService({
      ...deps,
      runCache: new RunCache(),
      vault: vaultOn(deps.database),
      jwtSecret: randomBytes(32),
    }),
} satisfies Readonly<Record<string, (deps: ServiceDeps) => Service>>

export type ServiceName = keyof typeof SERVICES

/** Tasks that only their end ends. */
const ENDLESS = `import { Dag } from 'baram'
export const dag = new Dag('endless', { isPausedUponCreation: false })
const never = () => new Promise<never>(() => setInterval(() => undefined, 1000))
dag.task('a', never)()
dag.task('b', never)()
`

/** Settings for services on one host: quick heartbeats, a short grace for tasks, and the DAG `endless`. */
export function makeServiceConfig(): { readonly config: Config; remove(): void } {
  const home = mkdtempSync(join(tmpdir(), 'baram-services-'))
  const dagsFolder = join(home, 'dags')
  mkdirSync(join(home, 'logs'))
  write(join(dagsFolder, 'endless.ts'), ENDLESS)
  const config = loadConfig({
    ...process.env,
    BARAM_HOME: home,
    BARAM__CORE__DAGS_FOLDER: dagsFolder,
    BARAM__API__PORT: '0',
    BARAM__CORE__KILLED_TASK_CLEANUP_TIME: '0.1',
  })
  return { config: { ...config, heartbeatMs: 50 }, remove: () => rmSync(home, { recursive: true, force: true }) }
}

/** A service with connections of its own. */
export interface OwnService {
  readonly service: Service
  /** Names its sessions on the server. */
  readonly session: string
  /** Closes the pool that the wiring gave it: what is open then, it has opened itself. */
  closePool(): Promise<void>
}

export function makeService(name: ServiceName, config: Config, url: string): OwnService {
  const database = openDatabase({ url, poolSize: 4, log: quietLog, application: `start-stop ${name}` })
  const onFatal = (reason: string) => {
    throw new Error(`${name} gave up: ${reason}`)
  }
  const service = SERVICES[name]({ config, database, log: quietLog, onFatal })
  return { service, session: database.session, closePool: () => database.close() }
}

/** How many of each kind keep this process alive: timers, sockets, child processes, threads. */
export function countResources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
