// A run in a sentence, and what one that has not ended waits for.

import { duration } from '../../../core/times.ts'
import { whyRun } from '../../../engine/why/run.ts'
import { getDag } from '../../../store/postgres/read-dags.ts'
import type { RunListRow } from '../../../store/postgres/read-runs.ts'
import type { Web } from '../../deps.ts'
import { say } from '../frame/page-view.ts'

export function runSentence(run: RunListRow, failedTask: string | null, now: number) {
  const took = duration(run.startDate === null ? null : ((run.endDate ?? now) - run.startDate) / 1000)
  switch (run.state) {
    case 'failed':
      return failedTask === null
        ? say('Failed after {took}.', { took })
        : say('Failed after {took} at {task}.', { took, task: failedTask }, 'task')
    case 'success':
      return say('Succeeded in {took}.', { took })
    case 'running':
      return say('Running for {took}.', { took })
    case 'queued':
      return say('Waits to start.')
  }
}

/** Of a run that has not ended what it waits for; the end of the others is told by its title and failures. */
export async function runWhy(web: Web, run: RunListRow, now: number): Promise<string | null> {
  if (run.state !== 'queued' && run.state !== 'running') return null
  const dag = await getDag(web.database, run.dagId)
  return dag === null ? null : (await whyRun(web.database, dag, run, now)).sentence
}
