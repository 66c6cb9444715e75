// Whether an attempt is still the one that its instance is in: the epoch tells, and what cleared attempts do at their end.

import { decide } from '../../core/decide.ts'
import type { RunModel, TaskInstanceView } from '../../core/run-model.ts'
import type { RunChanges } from '../transaction/changes.ts'

/** The instance, if this attempt of it is running; null when it has been replaced or ended. */
export const currentAttempt = (model: RunModel | undefined, tiId: string, epoch: number): TaskInstanceView | null => {
  const ti = model?.instances.get(tiId)
  return ti !== undefined && ti.state === 'running' && ti.epoch === epoch ? ti : null
}

/** A cleared attempt is over: whatever it says, it begins again. */
export function restart(changes: RunChanges, tiId: string, epoch: number): boolean {
  const { model } = changes
  const ti = model.instances.get(tiId)
  if (ti === undefined || ti.state !== 'restarting' || ti.epoch !== epoch) return false
  changes.add([model.move(ti, null, { code: 'restarted' })])
  if (model.run.state === 'running') changes.add(decide(model))
  return true
}
