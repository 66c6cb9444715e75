// Which moves call which callbacks, and that whatever happens calls each at most once.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ALERT_KINDS,
  alertUrl,
  CALLBACK_TRIES,
  callbackDelay,
  callbacksFor,
  endOfMove,
  endOfRun,
  type NewCallback,
} from '../../core/alerts.ts'
import { advance, decide, runOutcome } from '../../core/decide.ts'
import type { Reason } from '../../core/reasons.ts'
import type { RunModel, Transition } from '../../core/run-model.ts'
import { type Outcome, settle } from '../../core/settle.ts'
import { isFinished } from '../../core/states.ts'
import { makeDag, makeModel, makeTask } from '../support/make-dag.ts'

const ALL = { failure: 1, success: 1, retry: 1, skipped: 1 }
const because = (code: Reason['code']) => ({ code }) as Reason

describe('a move of a task', () => {
  it.each([
    ['failed', 'failed', 'failure'],
    ['failed', 'failed_for_good', 'failure'],
    ['failed', 'timed_out', 'failure'],
    ['failed', 'lost', 'failure'],
    ['failed', 'wait_timed_out', 'failure'],
    ['failed', 'set_aside', 'failure'],
    ['failed', 'map_too_long', 'failure'],
    ['failed', 'marked', null],
    ['failed', 'stopped_by_fail_fast', null],
    ['upstream_failed', 'rule_impossible', null],
    ['up_for_retry', 'failed', 'retry'],
    ['up_for_retry', 'interrupted', null],
    ['success', 'succeeded', 'success'],
    ['success', 'marked', null],
    ['skipped', 'skipped_itself', 'skipped'],
    ['skipped', 'skipped_by', null],
    ['removed', 'task_removed', null],
    [null, 'cleared', null],
  ] as const)('to %s because %s calls %s', (to, code, kind) => {
    expect(endOfMove(to, because(code))).toBe(kind)
  })

  it('of a run calls by its end, but not when a person has set it', () => {
    expect(endOfRun('failed', { code: 'leaves' })).toBe('failure')
    expect(endOfRun('failed', { code: 'run_timed_out', seconds: 1 })).toBe('failure')
    expect(endOfRun('success', { code: 'leaves' })).toBe('success')
    expect(endOfRun('success', { code: 'run_marked', by: 'kim', state: 'success' })).toBe(null)
    expect(endOfRun('running', { code: 'started' })).toBe(null)
    expect(endOfRun('failed', null)).toBe(null)
  })
})

const move = ({ ti, to, because: reason }: Transition) => ({ ti, steps: [{ to, because: reason }] })
const outcomes = fc.constantFrom<Outcome>(
  { kind: 'success' },
  { kind: 'skip', message: null },
  { kind: 'failure', message: 'no', isRetryable: true },
  { kind: 'failure', message: 'no', isRetryable: false },
  { kind: 'timeout', seconds: 3 },
  { kind: 'lost', worker: 'w' },
  { kind: 'interrupted', worker: 'w' },
  { kind: 'reschedule', afterMs: 1 },
)

/** Runs a model to its end with these outcomes, one after another; calls back with each move. */
function drive(model: RunModel, ends: readonly Outcome[], onMove: (moves: readonly Transition[]) => void): void {
  onMove(decide(model))
  for (let at = 0; runOutcome(model) === null && at < 200; at++) {
    const ready = [...model.instances.values()].find((ti) => ti.state !== null && !isFinished(ti.state))
    if (ready === undefined) return
    if (ready.state === 'up_for_retry') onMove([model.move(ready, 'scheduled', because('retry_due'))])
    else if (ready.state === 'up_for_reschedule') onMove([model.move(ready, 'scheduled', because('reschedule_due'))])
    else {
      model.move(ready, 'queued', because('admitted'))
      model.move(ready, 'running', because('started'))
      const moved = settle(model, ready, ends[at % ends.length] ?? { kind: 'success' }, 0)
      onMove(isFinished(moved.to) ? [moved, ...advance(model, [ready])] : [moved])
    }
  }
}

describe('any run', () => {
  const dag = makeDag(
    [
      makeTask('a', { retries: 2, callbacks: ALL }),
      makeTask('b', { callbacks: { failure: 2, success: 1 } }),
      makeTask('c', { triggerRule: 'all_done', callbacks: ALL }),
      makeTask('d'),
    ],
    [
      ['a', 'b'],
      ['b', 'c'],
    ],
    { callbacks: { failure: 1, success: 2 } },
  )

  it('stores no key twice, and a try of one instance ends in one way', () => {
    fc.assert(
      fc.property(fc.array(outcomes, { minLength: 1, maxLength: 12 }), (ends) => {
        const model = makeModel(dag)
        const called: NewCallback[] = []
        drive(model, ends, (moves) => called.push(...callbacksFor(model, moves.map(move), false, null)))
        const keys = called.map(({ dedupKey }) => dedupKey)
        expect(new Set(keys).size).toBe(keys.length)
        const ways = new Map<string, Set<string>>()
        for (const { taskId, tryNumber, kind } of called) {
          const of = `${taskId}/${tryNumber}`
          ways.set(of, (ways.get(of) ?? new Set()).add(kind))
        }
        expect([...ways].filter(([, kinds]) => kinds.size > 1)).toEqual([])
      }),
    )
  })

  it('tells every instance that has ended by itself, with all callbacks of that end', () => {
    fc.assert(
      fc.property(fc.array(outcomes, { minLength: 1, maxLength: 12 }), (ends) => {
        const model = makeModel(dag)
        const last = new Map<string, Transition>()
        const called: NewCallback[] = []
        drive(model, ends, (moves) => {
          for (const moved of moves) last.set(moved.ti.id, moved)
          called.push(...callbacksFor(model, moves.map(move), false, null))
        })
        for (const { ti, to, because: why } of last.values()) {
          const { taskId, callbacks = {} } = model.graph.task(ti.task)
          const kind = endOfMove(to, why)
          if (kind === null) continue
          const own = called.filter(
            (one) => one.taskId === taskId && one.kind === kind && one.tryNumber === ti.tryNumber,
          )
          expect(own.map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: callbacks[kind] ?? 0 }, (_, i) => i))
        }
      }),
    )
  })

  it('without callbacks calls none', () => {
    const quiet = makeModel(makeDag(['a'], []))
    drive(quiet, [{ kind: 'failure', message: 'no', isRetryable: false }], (moves) =>
      expect(callbacksFor(quiet, moves.map(move), true, { code: 'leaves' })).toEqual([]),
    )
  })

  it('tells which tasks failed', () => {
    const tasks = Array.from({ length: 8 }, (_, i) => `t${i}`)
    const model = makeModel(makeDag(tasks, [], { callbacks: { failure: 1 } }))
    drive(model, [{ kind: 'failure', message: 'no', isRetryable: false }], () => undefined)
    model.moveRun('failed')
    const [told] = callbacksFor(model, [], true, { code: 'leaves' })
    expect(told).toMatchObject({ taskId: null, reason: 'Failed: t0, t1, t2, t3, t4 and 3 more.' })
  })
})

describe('delivery', () => {
  it('waits longer after each try, at most an hour, an hour and a half in all', () => {
    const delays = Array.from({ length: CALLBACK_TRIES - 1 }, (_, i) => callbackDelay(i + 1))
    expect(delays).toEqual([5, 15, 45, 135, 405, 1215, 3600])
    expect(callbackDelay(1_000)).toBe(3_600)
  })

  it('links to the page of the DAG, the run, the task or the instance', () => {
    const at = { dagId: 'a b', runId: 'r+1', taskId: 'g.t', mapIndex: 3 }
    expect(alertUrl('https://x/', at)).toBe('https://x/dags/a%20b/runs/r%2B1/tasks/g.t?map_index=3')
    expect(alertUrl('https://x', { ...at, mapIndex: -1, taskId: null })).toBe('https://x/dags/a%20b?run=r%2B1')
    expect(alertUrl('https://x', { ...at, runId: null })).toBe('https://x/dags/a%20b')
    expect(alertUrl(null, at)).toBe(null)
  })

  it('knows five kinds', () => {
    expect(ALERT_KINDS).toEqual(['failure', 'success', 'retry', 'skipped', 'deadline'])
  })
})
