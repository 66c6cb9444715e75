// Runs of this machine's deployment.

import { BaramError } from '../../../core/errors.ts'
import { markRun, previewRunMark } from '../../../engine/control/mark.ts'
import type { Engine } from '../../../engine/engine.ts'
import { type TriggerRequest, triggerRun } from '../../../engine/runs/create.ts'
import { removeRun } from '../../../engine/runs/delete.ts'
import { setRunNote } from '../../../engine/runs/note.ts'
import { getRun, latestRuns, listRuns, type RunListRow } from '../../../store/postgres/read-runs.ts'
import { CLI_ACTOR, everything } from '../../context.ts'
import type { Context } from '../../wire.ts'
import type { Runs } from '../deployment.ts'

/** Thrown in the transaction of a run that was only to be shown: nothing of it stays. */
class OnlyShown extends Error {
  readonly run: RunListRow
  constructor(run: RunListRow) {
    super(`run ${run.runId} was only shown`)
    this.run = run
  }
}

async function tryTrigger(engine: Engine, request: TriggerRequest): Promise<RunListRow> {
  try {
    await triggerRun(
      engine,
      {
        ...request,
        async inspect(tx, { runId }) {
          const run = await getRun(tx, request.dagId, runId)
          if (run !== null) throw new OnlyShown(run)
        },
      },
      CLI_ACTOR,
    )
  } catch (error) {
    if (error instanceof OnlyShown) return error.run
    throw error
  }
  throw new BaramError('INVARIANT', 'a run that was only to be shown was made without being there')
}

const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString())

/** What can be looked up alone, by commands that need no more. */
export const localRuns = ({ database }: Pick<Context, 'database'>) => ({
  find: (dagId: string, runId: string) => getRun(database, dagId, runId),
  latest: async (dagId: string) => (await latestRuns(database, dagId, 1))[0] ?? null,
})

export const runsOf = (engine: Engine): Runs => ({
  ...localRuns(engine),
  async list(dagId, { state, from, to, limit }) {
    const filter = {
      state: state === undefined ? undefined : [state],
      logical_date_gte: iso(from),
      logical_date_lte: iso(to),
    }
    const page = { limit, offset: 0, order: [{ key: 'id', isDescending: true }] }
    return (await listRuns(engine.database, dagId, filter, page)).rows
  },
  count: async (dagId) => (await listRuns(engine.database, dagId, {}, { ...everything, limit: 1 })).total,
  trigger: (request) => triggerRun(engine, request, CLI_ACTOR),
  tryTrigger: (request) => tryTrigger(engine, request),
  note: (dagId, runId, note) => setRunNote(engine, { dagId, runId, note }, CLI_ACTOR),
  remove: (dagId, runId) => removeRun(engine, { dagId, runId }, CLI_ACTOR),
  previewMark: (dagId, runId) => previewRunMark(engine, dagId, runId),
  mark: (dagId, runId, to) => markRun(engine, { dagId, runId, to }, CLI_ACTOR),
})
