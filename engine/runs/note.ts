// The note of a run: one free text that people keep beside it.

import { notFound } from '../../core/errors.ts'
import { notifyPages } from '../../store/postgres/notify.ts'
import { findRun, setRunNote as writeNote } from '../../store/postgres/run-control.ts'
import { maskNote } from '../admin/stored-secrets.ts'
import { type Actor, audit, type Engine } from '../engine.ts'

export interface RunNote {
  readonly dagId: string
  readonly runId: string
  /** Null = none. */
  readonly note: string | null
}

/** Sets or removes the note of a run; stored secrets in it are masked. @throws BaramError NOT_FOUND | INPUT_INVALID */
export async function setRunNote(
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  { dagId, runId, note: given }: RunNote,
  actor: Actor,
): Promise<void> {
  const note = await maskNote(vault, given)
  await database.transaction(async (tx) => {
    const run = await findRun(tx, dagId, runId)
    if (run === null) throw notFound('dag_run', { dagId, runId })
    await writeNote(tx, run.id, note)
    await audit(tx, actor, { event: 'dag_run.patch', dagId, runId, extra: { note } })
    await notifyPages(tx, { runs: [run.id], dags: [] })
  })
}
