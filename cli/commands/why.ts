// `dagctl why`: one sentence for whatever waits, was skipped, failed or never ran.

import type { Command } from 'commander'
import { explain } from '../../engine/why/why.ts'
import { getRun } from '../../store/postgres/read-runs.ts'
import { mapIndex, readInstant } from '../arguments.ts'
import { withContext } from '../context.ts'
import { requireDag } from '../lookup.ts'
import { print } from '../output.ts'
import { escapeUnseen } from '../visible.ts'
import type { Context } from '../wire.ts'

interface WhyFlags {
  readonly mapIndex?: number
  readonly json?: boolean
}

const DATED = /^\d{4}-\d{2}-\d{2}/

/** A run by its id before a time: ids may look like one. */
async function readRun(context: Context, dagId: string, run: string | undefined): Promise<string | number | null> {
  if (run === undefined) return null
  if (!DATED.test(run) || (await getRun(context.database, dagId, run)) !== null) return run
  return readInstant(run, 'the time of a run')
}

async function why(dagId: string, run: string | undefined, taskId: string | undefined, flags: WhyFlags): Promise<void> {
  await withContext(async (context) => {
    await requireDag(context, dagId)
    const answer = await explain(context.database, context.runCache, {
      dagId,
      run: await readRun(context, dagId, run),
      taskId: taskId ?? null,
      mapIndex: flags.mapIndex ?? null,
    })
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
