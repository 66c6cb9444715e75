// The table of moves against docs/reliability.md#legal-moves, written out here by hand.

import { describe, expect, test } from 'vitest'
import {
  FINISHED_STATES,
  isActive,
  isFailed,
  isFinished,
  isRunFinished,
  MOVES,
  mayMove,
  mayMoveRun,
  RUN_STATES,
  TASK_STATES,
  type TaskState,
} from '../../core/states.ts'
import { makeDag, makeModel } from '../support/make-dag.ts'

const ALL: readonly (TaskState | null)[] = [null, ...TASK_STATES]

/** The table there line by line, `none` written as null. Marking by a user is a verb of its own and no move. */
const DOCUMENT: readonly (readonly [from: TaskState | null, to: readonly (TaskState | null)[]])[] = [
  // failed: a mapped task that has more instances than allowed.
  [null, ['scheduled', 'failed', 'skipped', 'upstream_failed', 'removed', 'success']],
  ['scheduled', ['queued', null, 'removed']],
  ['queued', ['running', 'scheduled', 'failed']],
  [
    'running',
    ['success', 'failed', 'skipped', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input', 'restarting'],
  ],
  ['restarting', [null]],
  ['up_for_retry', ['scheduled', 'failed']],
  ['up_for_reschedule', ['scheduled', 'failed', 'up_for_retry']],
  ['deferred', ['scheduled', 'failed', 'up_for_retry']],
  ['awaiting_input', ['scheduled', 'failed', 'up_for_retry']],
  ['success', [null]],
  ['failed', [null]],
  ['skipped', [null]],
  ['upstream_failed', [null]],
  ['removed', [null]],
]

/**
 * Beyond that table: what stands between a start and an end may be skipped (the run's time is over, docs/compatibility.md#runs) and removed
 * (its task left the DAG, docs/reliability.md fault F3).
 */
const STOPPED: readonly (TaskState | null)[] = [
  'scheduled',
  'queued',
  'running',
  'up_for_retry',
  'up_for_reschedule',
  'deferred',
  'awaiting_input',
]

describe('the table of moves', () => {
  const allowed = new Set(DOCUMENT.flatMap(([from, to]) => to.map((state) => `${from} → ${state}`)))
  for (const from of STOPPED) for (const to of ['skipped', 'removed']) allowed.add(`${from} → ${to}`)
  // A user clears also what has not ended (Airflow's clear); what runs is restarted instead.
  for (const from of STOPPED) if (from !== 'running') allowed.add(`${from} → null`)
  // A run that goes on with another version of its DAG loses the tasks that are gone; one that is restarting is stopped.
  for (const from of FINISHED_STATES) if (from !== 'removed') allowed.add(`${from} → removed`)
  allowed.add('restarting → skipped')

  test.each(ALL)('from %s, every move of the document is legal and every other is not', (from) => {
    for (const to of ALL) expect(mayMove(from, to), `${from} → ${to}`).toBe(allowed.has(`${from} → ${to}`))
  })

  test('every state has its line, and names each target once', () => {
    expect(Object.keys(MOVES).sort()).toEqual(['none', ...TASK_STATES].sort())
    for (const targets of Object.values(MOVES)) expect(new Set(targets).size).toBe(targets.length)
  })

  test('a finished state leaves only for none, by a user, or because its task left the DAG', () => {
    for (const from of FINISHED_STATES) expect(MOVES[from]).toEqual(from === 'removed' ? ['none'] : ['none', 'removed'])
  })

  test('every state can be reached from none, and every unfinished one can reach an end', () => {
    const reach = (start: TaskState | null) => {
      const seen = new Set<TaskState | null>([start])
      for (const from of seen) for (const to of ALL) if (mayMove(from, to)) seen.add(to)
      return seen
    }
    expect([...reach(null)].map(String).sort()).toEqual(ALL.map(String).sort())
    for (const state of ALL) expect([...reach(state)].some(isFinished), String(state)).toBe(true)
  })
})

describe('the moves of a run', () => {
  test('lead everywhere but from an end into running: a run begins again as queued', () => {
    for (const from of RUN_STATES)
      for (const to of RUN_STATES)
        expect(mayMoveRun(from, to), `${from} → ${to}`).toBe(from === to || !(isRunFinished(from) && to === 'running'))
  })

  test('are made by the model, which stays as it was where the table has no such move', () => {
    for (const from of RUN_STATES)
      for (const to of RUN_STATES) {
        const model = makeModel(makeDag(['a']))
        model.run.state = from
        if (mayMoveRun(from, to)) model.moveRun(to)
        else expect(() => model.moveRun(to)).toThrow(`may not move from ${from} to ${to}`)
        expect(model.run.state).toBe(mayMoveRun(from, to) ? to : from)
      }
  })
})

describe('kinds of states', () => {
  test('finished are the five ends, failed are two of them, active hold a slot', () => {
    expect(ALL.filter(isFinished).sort()).toEqual([...FINISHED_STATES].sort())
    expect([...FINISHED_STATES].sort()).toEqual(['failed', 'removed', 'skipped', 'success', 'upstream_failed'])
    expect(ALL.filter(isFailed)).toEqual(['failed', 'upstream_failed'])
    expect(ALL.filter(isActive)).toEqual(['queued', 'running', 'restarting'])
    expect(RUN_STATES.filter(isRunFinished)).toEqual(['success', 'failed'])
  })
})

describe('a run model', () => {
  test.each(ALL)('moves from %s exactly where the table says so, else it throws and stays as it was', (from) => {
    for (const to of ALL) {
      const model = makeModel(makeDag(['a', 'b'], [['a', 'b']]))
      const [ti] = model.instances.values()
      if (ti === undefined) throw new Error('no instance')
      model.applyRemote({ id: ti.id, state: from, tryNumber: 3, epoch: 2 })
      const before = { ...ti }
      if (mayMove(from, to)) {
        const transition = model.move(ti, to, { code: 'admitted' }, 5)
        expect(transition).toEqual({ ti, from, to, because: { code: 'admitted' }, readyAt: 5 })
        expect(ti.state).toBe(to)
        // docs/reliability.md rule 14: a try begins on these two moves alone.
        const isNewTry = to === 'scheduled' && (from === null || from === 'up_for_retry')
        expect(ti.tryNumber).toBe(isNewTry ? 4 : 3)
        expect(ti.epoch).toBe(to === 'running' ? 3 : 2)
      } else {
        expect(() => model.move(ti, to, { code: 'admitted' })).toThrow(
          expect.objectContaining({ code: 'TRANSITION_ILLEGAL' }),
        )
        expect(ti).toEqual(before)
      }
    }
  })
})
