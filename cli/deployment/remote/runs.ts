// Runs of a server.

import { BaramError } from '../../../core/errors.ts'
import { isFinished, RUN_STATES, RUN_TYPES } from '../../../core/states.ts'
import type { TriggerRequest } from '../../../engine/runs/create.ts'
import type { Runs, RunsWanted, RunView } from '../deployment.ts'
import type { Answer } from './answer.ts'
import { isoOrNull, pathOf, type RestClient } from './client.ts'
import { countRuns } from './dags.ts'
import { listInstances } from './instances.ts'
import type { Zones } from './zones.ts'

const isoOf = (at: number | undefined): string | undefined => isoOrNull(at) ?? undefined

const runView = (answer: Answer, timezone: string): RunView => ({
  dagId: answer.text('dag_id'),
  runId: answer.text('dag_run_id'),
  state: answer.word('state', RUN_STATES),
  runType: answer.word('run_type', RUN_TYPES),
  runAfter: answer.instant('run_after'),
  logicalDate: answer.instantOrNull('logical_date'),
  dataIntervalStart: answer.instantOrNull('data_interval_start'),
  dataIntervalEnd: answer.instantOrNull('data_interval_end'),
  startDate: answer.instantOrNull('start_date'),
  endDate: answer.instantOrNull('end_date'),
  conf: answer.record('conf'),
  note: answer.textOrNull('note'),
  timezone,
})

function triggerBody({ runId, logicalDate, dataInterval, conf, note }: TriggerRequest) {
  return {
    dag_run_id: runId ?? null,
    logical_date: isoOrNull(logicalDate),
    data_interval_start: isoOrNull(dataInterval?.start),
    data_interval_end: isoOrNull(dataInterval?.end),
    conf: conf ?? {},
    note: note ?? null,
  }
}

export function runsOf(client: RestClient, zones: Zones): Runs {
  const listed = (dagId: string) => pathOf`/api/v2/dags/${dagId}/dagRuns`
  const pathOfRun = (dagId: string, runId: string) => pathOf`/api/v2/dags/${dagId}/dagRuns/${runId}`
  const view = async (answer: Answer) => runView(answer, await zones.of(answer.text('dag_id')))
  const find = async (dagId: string, runId: string) => {
    const answer = await client.find(pathOfRun(dagId, runId))
    return answer === null ? null : view(answer)
  }
  return {
    find,
    async list(dagId, { state, from, to, limit }: RunsWanted) {
      const query = { state, logical_date_gte: isoOf(from), logical_date_lte: isoOf(to), order_by: '-id' }
      const { rows } = await client.list(listed(dagId), 'dag_runs', query, limit)
      return Promise.all(rows.map(view))
    },
    async latest(dagId) {
      const query = { order_by: ['-run_after', '-id'], limit: 1 }
      const [newest] = (await client.get(listed(dagId), query)).list('dag_runs')
      return newest === undefined ? null : view(newest)
    },
    count: (dagId) => countRuns(client, dagId),
    async trigger(request) {
      const answer = await client.send('POST', listed(request.dagId), {}, triggerBody(request))
      const dag = await client.get(pathOf`/api/v2/dags/${request.dagId}`)
      return { runId: answer.text('dag_run_id'), isPaused: dag.flag('is_paused') }
    },
    tryTrigger: () =>
      Promise.reject(
        new BaramError(
          'LOCAL_ONLY',
          `the server ${client.url} cannot only show a run; leave out --dry-run, or run it on the machine of the deployment`,
        ),
      ),
    async note(dagId, runId, note) {
      await client.send('PATCH', pathOfRun(dagId, runId), { update_mask: 'note' }, { note })
    },
    async remove(dagId, runId) {
      await client.send('DELETE', pathOfRun(dagId, runId))
    },
    async previewMark(dagId, runId) {
      const run = await find(dagId, runId)
      const { rows } = await listInstances(client, { dagId, runId }, run?.timezone ?? '')
      return rows
        .filter(({ state }) => !isFinished(state))
        .map((row) => ({ ...row, logicalDate: run?.logicalDate ?? null }))
    },
    async mark(dagId, runId, to) {
      await client.send('PATCH', pathOfRun(dagId, runId), { update_mask: 'state' }, { state: to })
    },
  }
}
