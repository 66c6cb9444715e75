// Why a task instance is as it is, for its page and panel: the sentence that `dagctl why` tells, without its name.

import { whyTask } from '../../../engine/why/task.ts'
import type { RunListRow } from '../../../store/postgres/read-runs.ts'
import type { EventRow, InstanceListRow } from '../../../store/postgres/read-task-instances.ts'
import type { Web } from '../../deps.ts'

/** What the instance does or waits for, now. */
export async function whyText(
  { database, runCache }: Web,
  run: Pick<RunListRow, 'versionId'>,
  ti: InstanceListRow,
  events: readonly EventRow[],
  now: number,
): Promise<string> {
  const graph = run.versionId === null ? null : (await runCache.version(database, run.versionId)).graph
  return (await whyTask({ database, graph, ti, events, now })).sentence
}
