// Whether an attempt is still the one that its instance is in: the epoch tells, and what cleared attempts do at their end.

import type { RunBoard, TaskInstanceView } from '../../core/board.ts'
import { decide } from '../../core/decide.ts'
import type { RunChanges } from '../transaction/changes.ts'

/** The instance, if this attempt of it is running; null when it has been replaced or ended. */
export const currentAttempt = (board: RunBoard | undefined, tiId: string, epoch: number): TaskInstanceView | null => {
  const ti = board?.instances.get(tiId)
  return ti !== undefined && ti.state === 'running' && ti.epoch === epoch ? ti : null
}

/** A cleared attempt is over: whatever it says, it begins again. */
export function restart(changes: RunChanges, tiId: string, epoch: number): boolean {
  const { board } = changes
  const ti = board.instances.get(tiId)
  if (ti === undefined || ti.state !== 'restarting' || ti.epoch !== epoch) return false
  changes.add([board.move(ti, null, { code: 'restarted' })])
  if (board.run.state === 'running') changes.add(decide(board))
  return true
}
