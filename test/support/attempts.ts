// Attempts in real children, without a database: a pool, a module on disk, and each attempt's log as it would be written.

import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { pino } from 'pino'
import { Masker } from '../../core/masker.ts'
import type { AttemptResult, AttemptSpec } from '../../core/protocol.ts'
import { ChildPool, type PoolOptions } from '../../runtime/child-pool.ts'
import type { ChildExit } from '../../runtime/children.ts'
import { ModuleStore } from '../../runtime/module-store.ts'
import { LogFile } from '../../worker/log-file.ts'
import { makeHome } from './launch-postgres.ts'

export interface LoggedLine {
  readonly level: string
  readonly logger: string
  readonly event: string
  readonly [key: string]: unknown
}

export interface EndedAttempt {
  readonly result: AttemptResult | null
  readonly exit: ChildExit | null
  readonly survivors: number
  readonly lines: readonly LoggedLine[]
  /** Characters of the log file. */
  readonly size: number
  /** Between outcome and the end of the log, ms. */
  readonly drainMs: number
}

export interface AttemptHarness {
  readonly pool: ChildPool
  readonly home: string
  readonly modulePath: string
  /** `onResult` is called in the turn of the event loop in which the attempt has ended. */
  run(
    taskId: string,
    secrets?: readonly string[],
    onResult?: () => void,
    isAlone?: boolean,
  ): Promise<EndedAttempt> & { readonly attempt: number }
  stop(): Promise<void>
}

/** What every attempt of a test has; the rest names it. */
export const SPEC: Omit<AttemptSpec, 'attempt' | 'modulePath' | 'taskId'> = {
  dagId: 'd',
  runId: 'r',
  tryNumber: 1,
  mapIndex: -1,
  fence: '1/1/1',
  runType: 'manual',
  logicalDate: null,
  dataInterval: null,
  runAfter: 0,
  runStartDate: 0,
  timezone: 'UTC',
  conf: {},
  embeddedRoot: '/nowhere',
  inputs: [],
  doXcomPush: true,
  params: {},
  triedAt: 0,
  firstTriedAt: 0,
  maxTries: 0,
  rescheduleCount: 0,
  expandedCount: null,
  resume: null,
}

/** `code`: an ES module that exports the DAG `d`. */
export async function startAttempts(code: string, options: Partial<PoolOptions> = {}): Promise<AttemptHarness> {
  const home = await makeHome()
  const modules = new ModuleStore(home)
  modules.open()
  const modulePath = modules.put(createHash('sha256').update(code).digest('hex'), code)
  const pool = new ChildPool({
    memoryMb: 512,
    recycleMb: 4096,
    idleMs: 60_000,
    cwd: home,
    env: { PATH: String(process.env['PATH']) },
    log: pino({ level: 'silent' }),
    ...options,
  })
  let last = 0
  return {
    pool,
    home,
    modulePath,
    run(taskId, secrets = [], onResult = () => undefined, isAlone = false) {
      const attempt = ++last
      const masker = new Masker()
      masker.add(secrets)
      let text = ''
      const log = new LogFile({
        path: '',
        masker,
        maxBytes: 1e12,
        write: (_, more) => {
          text += more
        },
      })
      const ended = new Promise<EndedAttempt>((resolve) => {
        let result: AttemptResult | null = null
        let exit: ChildExit | null = null
        let resultAt = 0
        let survivors = 0
        pool.run({ ...SPEC, attempt, modulePath, taskId }, isAlone, {
          onText: (stream, printed) => log.print(stream, printed),
          onLog: (line) => log.tell(line),
          onCall: (_, reply) => reply(null),
          onFields: () => undefined,
          onResult: (told, how) => {
            result = told
            exit = how
            resultAt = performance.now()
            onResult()
          },
          onSurvivors: (count) => {
            survivors = count
          },
          onLogEnd: () => {
            const drainMs = performance.now() - resultAt
            log.close(null)
            const lines = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as LoggedLine]))
            resolve({ result, exit, survivors, lines, size: text.length, drainMs })
          },
        })
      })
      return Object.assign(ended, { attempt })
    },
    async stop() {
      await pool.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
