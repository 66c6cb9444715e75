// The note of task instances.

import { setInstanceNotes } from '../../store/postgres/run-control.ts'
import { maskNote } from '../admin/stored-secrets.ts'
import { type Actor, audit, type Engine } from '../engine.ts'

export interface InstanceNote {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  /** Null = all instances of the task. */
  readonly mapIndex: number | null
  /** Row ids of the instances that are meant. */
  readonly ids: readonly string[]
  readonly note: string | null
}

/** Sets or removes the note of instances of one task; stored secrets in it are masked. @throws BaramError INPUT_INVALID */
export async function setInstanceNote(
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  { ids, note: given, ...key }: InstanceNote,
  actor: Actor,
): Promise<void> {
  const note = await maskNote(vault, given)
  await database.transaction(async (tx) => {
    await setInstanceNotes(tx, ids, note)
    await audit(tx, actor, { event: 'task_instance.patch', ...key, extra: { note } })
  })
}
