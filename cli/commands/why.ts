// `dagctl why`: one sentence for whatever waits, was skipped, failed or never ran.

import type { Command } from 'commander'
import { mapIndex } from '../arguments.ts'
import { withDeployment } from '../deployment/open.ts'
import { requireDag } from '../lookup.ts'
import { print } from '../output.ts'
import { escapeUnseen } from '../visible.ts'

interface WhyFlags {
  readonly mapIndex?: number
  readonly json?: boolean
}

async function why(dagId: string, run: string | undefined, taskId: string | undefined, flags: WhyFlags): Promise<void> {
  await withDeployment(async (deployment) => {
    await requireDag(deployment.dags, dagId)
    const answer = await deployment.why({ dagId, run, taskId, mapIndex: flags.mapIndex })
    const { code, sentence, runId, mapIndex } = answer
    if (flags.json === true)
      print(
        escapeUnseen(
          JSON.stringify({
            dag_id: dagId,
            dag_run_id: runId,
            task_id: answer.taskId,
            map_index: mapIndex,
            code,
            sentence,
          }),
        ),
      )
    else print(sentence)
  })
}

export function addWhyCommand(program: Command): void {
  program
    .command('why')
    .description('why something waits, was skipped, failed or never ran, in one sentence')
    .argument('<dag-id>')
    .argument('[run]', 'a run id, `latest`, or the time of a run that is missing (ISO; UTC without a zone)')
    .argument('[task-id]')
    .option('-m, --map-index <n>', 'one instance of a mapped task', mapIndex)
    .option('--json', 'as JSON, with a code for programs')
    .action(why)
}
