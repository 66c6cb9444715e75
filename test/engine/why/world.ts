// What the tests of `why` share: a deployment with one DAG `etl`, and the situations that are told of it.

import { describe, expect, test } from 'vitest'
import type { SerializedDag } from '../../../core/serialized.ts'
import type { Outcome } from '../../../core/settle.ts'
import { clear } from '../../../engine/control/clear.ts'
import { pauseDag } from '../../../engine/dags/pause.ts'
import { explain, type WhyQuestion } from '../../../engine/why/why.ts'
import type { TestEngine, TestScheduler, TestWorker } from '../../support/engine.ts'
import { makeDag, makeTask } from '../../support/make-dag.ts'
import type { useEngines } from '../../support/use-engine.ts'

export const FAILURE: Outcome = { kind: 'failure', message: 'disk full', isRetryable: true }
export const daily = { kind: 'cron', expression: '0 2 * * *', timezone: 'Asia/Seoul', interval: false } as const
export const hourly = { kind: 'cron', expression: '0 * * * *', timezone: 'Asia/Seoul', interval: true } as const

export class World {
  readonly engine: TestEngine
  readonly scheduler: TestScheduler
  readonly worker: TestWorker
  constructor(engine: TestEngine, scheduler: TestScheduler, worker: TestWorker) {
    this.engine = engine
    this.scheduler = scheduler
    this.worker = worker
  }
  get deps() {
    const { database, runCache, vault } = this.engine
    return { database, runCache, vault, transactions: this.scheduler.transactions }
  }
  /** A DAG `etl` with a run `r` that has been looked at. */
  async run(dag: SerializedDag): Promise<number> {
    await this.engine.addDag(dag)
    const id = await this.engine.trigger('etl', { runId: 'r' })
    await this.scheduler.pass()
    return id
  }
  async pause(isPaused = true, owner = 'admin'): Promise<void> {
    await pauseDag(this.engine, { dagId: 'etl', isPaused }, actor(owner))
  }
  /** A scheduler that lives, as its job row tells. */
  async schedulerLives(from = "now() - interval '30 days'"): Promise<void> {
    await this.sql(
      `insert into job (job_type, state, hostname, pid, boot_id, start_date, latest_heartbeat) values ('SchedulerJob', 'running', 'h', 1, 'b', ${from}, now())`,
    )
  }
  sql(text: string) {
    return this.engine.query(text)
  }
  /** Every task of run `r`. */
  async clear(): Promise<void> {
    const tasks = { tasks: null, upstream: false, downstream: false }
    const filter = { onlyFailed: false, onlyRunning: false }
    const runs = { kind: 'run', runId: 'r', past: false, future: false } as const
    const flags = { resetsRuns: true, onLatestVersion: false, refusesRunning: false }
    const request = { dagId: 'etl', runs, tasks, filter, ...flags }
    await clear(this.deps, request, actor('kim'))
  }
  async end(taskId: string, outcome: Outcome): Promise<void> {
    await this.worker.claim()
    await this.worker.end([this.worker.find(taskId)], () => outcome)
  }
}

export const actor = (name: string) => ({ name, via: 'cli' as const })
export const etl = (
  tasks: Parameters<typeof makeDag>[0],
  edges: Parameters<typeof makeDag>[1] = [],
  more: Parameters<typeof makeDag>[2] = {},
) => makeDag(tasks, edges, { dagId: 'etl', timezone: 'Asia/Seoul', ...more })
export const scheduled = (more: Parameters<typeof makeDag>[2] = {}) => etl(['a'], [], { timetable: daily, ...more })
export const mapped = (over: readonly number[]) =>
  makeTask('each', {
    mapping: { kind: 'product', over: [{ name: 'n', kind: 'literal', value: [...over] }], fill: null },
  })
/** 2 o'clock in Seoul of a day. */
export const two = (day: string) => Date.parse(`${day}T02:00:00+09:00`)

export type Situation = readonly [
  name: string,
  arrange: (world: World) => Promise<Partial<WhyQuestion> | undefined>,
  code: string,
  sentence: RegExp,
]
export const ofTask = (taskId: string, more: Partial<WhyQuestion> = {}): Partial<WhyQuestion> => ({
  run: 'r',
  taskId,
  ...more,
})
export const ofRun: Partial<WhyQuestion> = { run: 'r' }

/** How many situations each file knows at least: forty in all. */
export const AT_LEAST = { dag: 8, 'missing run': 8, run: 8, task: 8, 'ended task': 8 }

/** Asks in every situation, and compares the code and the sentence that are told. */
export function describeWhy(
  makeEngine: ReturnType<typeof useEngines>,
  subject: keyof typeof AT_LEAST,
  situations: readonly Situation[],
): void {
  if (situations.length < AT_LEAST[subject])
    throw new Error(
      `why is tested in ${situations.length} situations of a ${subject}; at least ${AT_LEAST[subject]} belong here`,
    )
  describe('why', () => {
    test.each([...situations])('tells %s', async (_name, arrange, code, sentence) => {
      const engine = await makeEngine()
      const world = new World(engine, engine.makeScheduler(), await engine.makeWorker())
      const question = await arrange(world)
      const asked = { dagId: 'etl', run: null, taskId: null, mapIndex: null, ...question }
      const answer = await explain(engine.database, engine.runCache, asked)
      expect([answer.code, answer.sentence]).toEqual([code, expect.stringMatching(sentence)])
    })
  })
}
