// Lets what has ended run again.

import type { TaskInstanceView } from '../core/board.ts'
import { decide } from '../core/decide.ts'
import { BaramError } from '../core/errors.ts'
import { isFinished, isRunFinished } from '../core/states.ts'
import type { RunChanges } from './changes.ts'
import type { TurnRunner } from './turn.ts'

/** Lets instances that have ended run again: their tries are kept, and they get as many more as a task begins with. */
function clearInstances(changes: RunChanges, instances: readonly TaskInstanceView[], by: string): void {
  const { board } = changes
  changes.isCleared = true
  for (const ti of instances) {
    if (!isFinished(ti.state)) continue
    const retries = board.graph.tasks[ti.task]?.retries ?? 0
    const extraTries = ti.tryNumber + retries - ti.maxTries
    ti.maxTries += extraTries
    changes.add([board.move(ti, null, { code: 'cleared', by, extraTries })])
  }
}

/**
 * Lets a run that has ended begin again from its first task (Airflow's reset of a run that exists). Its tries stay in the
 * history; mapped tasks are measured anew.
 * @throws BaramError REFUSED while the run goes on
 */
export async function resetRun(turns: TurnRunner, dagRunId: number, by: string): Promise<void> {
  await turns.run({
    runs: [dagRunId],
    act(all) {
      for (const changes of all.values()) {
        const { run, instances } = changes.board
        if (!isRunFinished(run.state))
          throw new BaramError(
            'REFUSED',
            `run ${run.runId} of ${run.dagId} is ${run.state}; only a run that has ended can begin again`,
          )
        clearInstances(changes, [...instances.values()], by)
        run.state = 'queued'
        changes.runBecause = { code: 'cleared', by }
      }
    },
  })
}

/** Lets ended instances of some tasks run again, in a run that has ended or goes on. */
export async function clearTasks(
  turns: TurnRunner,
  dagRunId: number,
  taskIds: readonly string[],
  by: string,
): Promise<void> {
  await turns.run({
    runs: [dagRunId],
    act(all) {
      for (const changes of all.values()) {
        const { board } = changes
        const tasks = taskIds.map((taskId) => board.graph.indexOf.get(taskId) ?? -1)
        clearInstances(
          changes,
          tasks.flatMap((task) => board.byTask[task] ?? []),
          by,
        )
        if (isRunFinished(board.run.state)) {
          board.run.state = 'queued'
          changes.runBecause = { code: 'cleared', by }
        } else changes.add(decide(board))
      }
    },
  })
}
