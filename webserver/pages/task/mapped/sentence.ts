// The sentence of a mapped task as a whole.

import { letterOf } from '../../../states/cells.ts'
import type { Tally } from '../../../states/tally.ts'
import { say } from '../../frame/page-view.ts'
import type { Strip } from './strip.ts'

const countOf = (tally: Tally, ...states: string[]): number => {
  const letters = new Set(states.map(letterOf))
  return tally.reduce((sum, [letter, n]) => sum + (letters.has(letter) ? n : 0), 0)
}

export function mappedSentence(task: string, { tally, total }: Strip) {
  const of = total.toLocaleString('en')
  const values = (n: number) => ({ task, n: n.toLocaleString('en'), of, total })
  const failed = countOf(tally, 'failed')
  const ended = countOf(tally, 'success', 'skipped', 'failed', 'upstream_failed', 'removed')
  if (ended < total)
    return failed > 0
      ? say('{task} has done {n} of {of} instances; {failed} failed.', { ...values(ended), failed }, 'task')
      : say('{task} has done {n} of {of} instances.', values(ended), 'task')
  if (failed > 0) return say('{task} failed: {n} of {of} instances.', values(failed), 'task')
  if (countOf(tally, 'upstream_failed') === total)
    return say('{task} did not start: a task before it failed.', values(0), 'task')
  if (countOf(tally, 'skipped') === total)
    return say('All {of} {total#instance#instances} of {task} were skipped.', values(0), 'task')
  const good = countOf(tally, 'success')
  return good === total
    ? say('All {of} {total#instance#instances} of {task} succeeded.', values(0), 'task')
    : say('{n} of {of} {total#instance#instances} of {task} succeeded.', values(good), 'task')
}
