// The stages of an application as a result table.

import type { OperatorContext } from '../../sdk/index.ts'
import type { Progress } from './progress.ts'

/** The newest: an application may have thousands. */
const MOST_STAGES = 200

export async function publishStages(
  op: Pick<OperatorContext, 'publish'>,
  progress: Progress,
  finalState: string | null,
): Promise<void> {
  const { applicationId, stages } = progress
  const shown = stages.slice(-MOST_STAGES)
  await op.publish('spark', {
    title: `Stages of ${applicationId}${finalState === null ? '' : ` (${finalState})`}, as its driver last told them`,
    columns: [
      { name: 'stage', type: 'number' },
      { name: 'name', type: 'text' },
      { name: 'status', type: 'text' },
      { name: 'tasks', type: 'number' },
      { name: 'tasks done', type: 'number' },
      { name: 'tasks failed', type: 'number' },
      { name: 'rows read', type: 'number' },
      { name: 'bytes read', type: 'number' },
      { name: 'rows written', type: 'number' },
      { name: 'bytes written', type: 'number' },
    ],
    rows: shown.map((stage) => [
      stage.id,
      stage.name.slice(0, 200),
      stage.status,
      stage.tasks,
      stage.tasksDone,
      stage.tasksFailed,
      stage.inputRows,
      stage.inputBytes,
      stage.outputRows,
      stage.outputBytes,
    ]),
  })
}
