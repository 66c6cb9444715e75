// One pass of the scheduler: a look at everything that may be due. Its steps stand apart: what one of them cannot do
// stops no other (docs/reliability.md rule 20); only a lost connection ends the pass, since nothing goes on without one.

import { messageOf } from '../core/errors.ts'
import { watchDeadlines } from '../engine/alerts/deadlines.ts'
import { admitWaiting } from '../engine/attempts/admit-waiting.ts'
import { wakeDue } from '../engine/attempts/wake.ts'
import { clearAsked } from '../engine/control/clear.ts'
import { pauseFailing } from '../engine/dags/pause-failing.ts'
import { noteBackfillEnds } from '../engine/runs/backfill.ts'
import { createDueRuns } from '../engine/runs/create.ts'
import { startRuns } from '../engine/runs/start.ts'
import { decideAsked, decideIdle } from '../engine/runs/sweep.ts'
import { expireRuns } from '../engine/runs/time-out.ts'
import type { RunCache } from '../engine/transaction/run-cache.ts'
import type { RunTransactions } from '../engine/transaction/run-transaction.ts'
import type { Logger } from '../runtime/logger.ts'
import { isConnectionError } from '../store/answers.ts'
import type { Database } from '../store/database.ts'
import type { ClockHold } from './clock-hold.ts'

export interface PassDeps {
  readonly database: Database
  readonly runCache: RunCache
  readonly transactions: RunTransactions
  readonly log: Logger
  /** Whether the database's clock is believed: by a wrong one no run is made, and none ended for its time. */
  readonly clock: Pick<ClockHold, 'isHeld' | 'trusts'>
  /** Told how long each step took. */
  tookStep?(step: string, seconds: number): void
  /** The database's clock, epoch ms. */
  now(): number
  /** Ends what dead workers left. Returns how many attempts. */
  rescue(): Promise<number>
}

export interface PassResult {
  /** Something was due: there may be more. */
  readonly didWork: boolean
  /** Some step failed and is repeated soon. */
  readonly hasFailed: boolean
}

type Step = readonly [name: string, run: () => Promise<number | undefined>]

function stepsOf(
  { database, runCache, transactions, log, clock, now, rescue }: PassDeps,
  mustSweep: boolean,
): readonly Step[] {
  const tellRefusal = (dagId: string, error: unknown) =>
    log.error({ dagId, err: messageOf(error) }, 'the next run of a DAG could not be made; others are')
  const trusts = (at: number) => clock.trusts(at)
  const none = <T>(done: Promise<T>) => done.then(() => undefined)
  const whenTrusted = (step: Step): readonly Step[] => (clock.isHeld ? [] : [step])
  return [
    ['rescue', rescue],
    ...(mustSweep ? [['sweep', () => none(decideIdle(database, transactions))] as const] : []),
    ['clear', () => clearAsked({ database, runCache, transactions })],
    ...whenTrusted(['create', () => createDueRuns(database, runCache, { tellRefusal, trusts })]),
    ['start', () => startRuns(database, transactions)],
    ['wake', () => wakeDue(database, transactions, now())],
    ...whenTrusted(['expire', () => expireRuns(database, transactions)]),
    ...whenTrusted(['deadlines', () => watchDeadlines({ database, runCache, log, trusts })]),
    ['pause', () => none(pauseFailing(database))],
    ['decide', () => decideAsked(database, transactions)],
    ['admit', () => none(admitWaiting(database, transactions))],
    ['backfills', () => none(noteBackfillEnds(database))],
  ]
}

/**
 * @param mustSweep also decide runs that nobody works on
 * @throws whatever a lost connection throws
 */
export async function schedulerPass(deps: PassDeps, mustSweep: boolean): Promise<PassResult> {
  let didWork = false
  let hasFailed = false
  for (const [name, run] of stepsOf(deps, mustSweep)) {
    const began = performance.now()
    try {
      didWork = ((await run()) ?? 0) > 0 || didWork
    } catch (error) {
      if (isConnectionError(error)) throw error
      hasFailed = true
      deps.log.error({ step: name, err: messageOf(error) }, 'a step of the pass failed; the others went on')
    } finally {
      deps.tookStep?.(name, (performance.now() - began) / 1000)
    }
  }
  return { didWork, hasFailed }
}
