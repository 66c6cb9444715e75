// An engine on a database of its own: schedulers' verbs and workers without processes, driven step by step by a test.

import { createHash } from 'node:crypto'
import type { SerializedDag } from '../../core/serialized.ts'
import type { Outcome } from '../../core/settle.ts'
import type { TaskState } from '../../core/states.ts'
import type { Vault } from '../../engine/admin/vault.ts'
import { claim } from '../../engine/attempts/claim.ts'
import { report } from '../../engine/attempts/report.ts'
import { rescue } from '../../engine/attempts/rescue.ts'
import { clear } from '../../engine/control/clear.ts'
import { type ParsedFile, syncFile } from '../../engine/dags/sync.ts'
import { type TriggerRequest, triggerRun } from '../../engine/runs/create.ts'
import type { NewXCom } from '../../engine/transaction/changes.ts'
import { RunCache } from '../../engine/transaction/run-cache.ts'
import { RunTransactions } from '../../engine/transaction/run-transaction.ts'
import type { Report } from '../../engine/transaction/settle-attempt.ts'
import type { StartedAttempt } from '../../engine/transaction/start-attempts.ts'
import { makeLogger } from '../../runtime/logger.ts'
import { schedulerPass } from '../../scheduler/pass.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { databaseNow, endJob, insertJob } from '../../store/postgres/jobs.ts'
import { expectSoundLedger } from './ledger.ts'
import type { TestPostgres } from './postgres.ts'
import { vaultOf } from './vault.ts'

/** Who asks for what a test changes. */
export const TEST_ACTOR = { name: 'test', via: 'cli' } as const

export const quietLog = makeLogger('test', 'silent')

export interface TestEngine {
  readonly url: string
  readonly database: Database
  /** The copies of the process that creates runs. */
  readonly runCache: RunCache
  readonly vault: Vault
  /** Declares a DAG as a file of its own would. */
  addDag(dag: SerializedDag, file?: Partial<ParsedFile>): Promise<void>
  trigger(dagId: string, request?: Partial<TriggerRequest> & { readonly user?: string }): Promise<number>
  makePool(pool: string, slots: number): Promise<void>
  /** Clears tasks of a run with all their instances, as a user does. */
  clear(scheduler: TestScheduler, dagId: string, runId: string, taskIds: readonly string[]): Promise<void>
  makeScheduler(options?: { parallelism?: number }): TestScheduler
  makeWorker(options?: WorkerOptions): Promise<TestWorker>
  states(dagRunId: number): Promise<Record<string, TaskState | null>>
  runState(dagRunId: number): Promise<string>
  query<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** Moves every waiting time to the past. */
  passDelays(): Promise<void>
  /** Checks the ledger (unless a test has made up rows without it), closes everything. */
  close(isMadeUp?: boolean): Promise<void>
}

export interface WorkerOptions {
  readonly parallelism?: number
  readonly slots?: number
  readonly queues?: readonly string[]
}

export interface TestScheduler {
  readonly transactions: RunTransactions
  /** What a pass of the scheduler does, once. */
  pass(): Promise<void>
  /** Passes until one finds nothing to do. */
  sweep(): Promise<void>
}

/** A file that yields the given DAGs. */
export function fileOf(name: string, dags: readonly SerializedDag[], changes: Partial<ParsedFile> = {}): ParsedFile {
  const moduleCode = changes.moduleCode ?? `// ${name}`
  return {
    relativeFileloc: name,
    fileloc: `/dags/${name}`,
    sourceCode: moduleCode,
    moduleCode,
    moduleHash: createHash('sha256').update(moduleCode).digest('hex'),
    parseSeconds: 0,
    dags,
    errorText: null,
    errorDetails: {},
    ...changes,
  }
}

/** How an attempt ends in a test: its outcome and what it pushes. */
export type Fate = (attempt: StartedAttempt) => Outcome | { outcome: Outcome; xcoms: readonly NewXCom[] }
const succeed: Fate = () => ({ kind: 'success' })

/** A worker without children: what it starts ends when the test says so. */
export class TestWorker {
  readonly jobId: number
  readonly transactions: RunTransactions
  readonly running: StartedAttempt[] = []
  /** Every attempt that was ever started here. */
  readonly started: StartedAttempt[] = []
  private readonly database: Database
  private readonly slotCount: number
  private readonly queues: readonly string[]

  constructor(database: Database, transactions: RunTransactions, jobId: number, options: WorkerOptions) {
    this.database = database
    this.transactions = transactions
    this.jobId = jobId
    this.slotCount = options.slots ?? 16
    this.queues = options.queues ?? ['default']
  }

  slots(free = this.slotCount - this.running.length) {
    const worker = { jobId: this.jobId, hostname: `host-${this.jobId}`, pid: 1 }
    return { worker, count: free, queues: this.queues, mayClaim: true }
  }

  private take(started: readonly StartedAttempt[]): void {
    this.running.push(...started)
    this.started.push(...started)
  }

  /** Fills the free slots; returns how many attempts started. */
  async claim(): Promise<number> {
    const { started } = await claim(this.transactions, this.slots())
    this.take(started)
    return started.length
  }

  /** Ends attempts in one report, and starts what it may instead. */
  async end(attempts: readonly StartedAttempt[], fate: Fate = succeed): Promise<void> {
    for (const attempt of attempts) this.running.splice(this.running.indexOf(attempt), 1)
    const reports = attempts.map((attempt) => {
      const end = fate(attempt)
      const { outcome, xcoms } = 'outcome' in end ? end : { outcome: end, xcoms: [] }
      return { dagRunId: attempt.dagRunId, tiId: attempt.tiId, epoch: attempt.epoch, outcome, xcoms }
    })
    // Those whose runs others hold at this moment are told again, as a worker does.
    for (let left: readonly Report[] = reports; left.length > 0; ) {
      const now = await databaseNow(this.database)
      const { started, lockedElsewhere } = await report(this.transactions, left, this.slots(), now)
      this.take(started)
      left = lockedElsewhere
    }
  }

  find(taskId: string): StartedAttempt {
    const attempt = this.running.find((one) => one.task.taskId === taskId)
    if (attempt === undefined)
      throw new Error(`${taskId} does not run here; running: ${this.running.map((one) => one.task.taskId).join(', ')}`)
    return attempt
  }

  /** Claims and ends attempts, a few at a time, until there is nothing to claim. */
  async drain(fate: Fate = succeed, atOnce = 3): Promise<void> {
    for (;;) {
      await this.claim()
      if (this.running.length === 0) return
      await this.end(this.running.slice(0, atOnce), fate)
    }
  }

  /** The process is gone: its lease ends, its attempts hang. */
  async die(): Promise<void> {
    await endJob(this.database, this.jobId, 'failed')
  }
}

export async function startEngine(postgres: TestPostgres): Promise<TestEngine> {
  const url = await postgres.createMigrated()
  const database = openDatabase({ url, poolSize: 10, log: quietLog, application: 'test' })
  const runCache = new RunCache()
  const vault = vaultOf({ database })
  const runners: RunTransactions[] = []
  const makeTransactions = (who: string, parallelism = 0) => {
    const transactions = new RunTransactions({
      database,
      runCache: new RunCache(),
      log: quietLog,
      limits: { parallelism },
      who,
      onChange: () => undefined,
    })
    runners.push(transactions)
    return transactions
  }
  const makeJob = (jobType: 'WorkerJob') =>
    insertJob(database, { jobType, hostname: 'test', pid: 1, bootId: 'boot', pidStarted: null, info: {} })

  return {
    url,
    database,
    runCache,
    vault,
    async addDag(dag, file = {}) {
      const name = `${dag.dagId}.ts`
      await syncFile(database, fileOf(name, [dag], file), new Set([name]), false)
    },
    async trigger(dagId, request = {}) {
      const { user = 'test', ...more } = request
      const { dagRunId } = await triggerRun(
        { database, runCache, vault },
        { dagId, ...more },
        { name: user, via: 'cli' },
      )
      return dagRunId
    },
    async makePool(pool, slots) {
      await database.query('insert into slot_pool (pool, slots) values ($1, $2)', [pool, slots])
    },
    async clear({ transactions }, dagId, runId, taskIds) {
      const request = {
        dagId,
        runs: { kind: 'run', runId, past: false, future: false },
        tasks: { tasks: taskIds.map((taskId) => ({ taskId })), upstream: false, downstream: false },
        filter: { onlyFailed: false, onlyRunning: false },
        resetsRuns: true,
        onLatestVersion: false,
        refusesRunning: false,
      } as const
      await clear({ database, runCache, transactions, vault }, request, TEST_ACTOR)
    },
    makeScheduler({ parallelism = 0 } = {}) {
      const transactions = makeTransactions('scheduler:1', parallelism)
      const pass = async (mustSweep: boolean): Promise<void> => {
        const now = await databaseNow(database)
        const clock = { isHeld: false, trusts: () => true }
        const deps = {
          database,
          runCache,
          transactions,
          clock,
          log: quietLog,
          now: () => now,
          rescue: async () => (mustSweep ? rescue(database, transactions, now) : 0),
        }
        const { hasFailed } = await schedulerPass(deps, mustSweep)
        if (hasFailed) throw new Error('a step of the pass failed')
      }
      return { transactions, pass: () => pass(false), sweep: () => pass(true) }
    },
    async makeWorker(options = {}) {
      const jobId = await makeJob('WorkerJob')
      return new TestWorker(database, makeTransactions(`worker:${jobId}`, options.parallelism), jobId, options)
    },
    async states(dagRunId) {
      const { rows } = await database.query<{ task_id: string; state: TaskState | null }>(
        'select task_id, state from task_instance where dag_run_id = $1 order by task_id',
        [dagRunId],
      )
      return Object.fromEntries<TaskState | null>(rows.map((row) => [row.task_id, row.state]))
    },
    async runState(dagRunId) {
      const { rows } = await database.query<{ state: string }>('select state from dag_run where id = $1', [dagRunId])
      return rows[0]?.state ?? 'missing'
    },
    async query<Row>(text: string, values: readonly unknown[] = []) {
      return (await database.query<Row>(text, values)).rows
    },
    async passDelays() {
      await database.query('update task_queue set ready_at = now() where ready_at is not null')
    },
    async close(isMadeUp = false) {
      try {
        if (!isMadeUp) await expectSoundLedger(database)
      } finally {
        for (const transactions of runners) await transactions.close()
        await database.close()
      }
    },
  }
}
