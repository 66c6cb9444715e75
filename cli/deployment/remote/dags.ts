// DAGs of a server.

import { BaramError } from '../../../core/errors.ts'
import type { DueRun } from '../../../core/timetables/timetable.ts'
import { inOrder } from '../../task-order.ts'
import type { DagShape, Dags, DagView, PlanView } from '../deployment.ts'
import type { Answer } from './answer.ts'
import { each, pathOf, type RestClient } from './client.ts'

/** Runs that a plan of the server lists at most. */
const MOST_PLANNED = 100

const dagView = (answer: Answer): DagView => ({
  dagId: answer.text('dag_id'),
  relativeFileloc: answer.textOrNull('relative_fileloc') ?? '',
  owners: answer.texts('owners').join(', '),
  isPaused: answer.flag('is_paused'),
  isStale: answer.flag('is_stale'),
  timetableSummary: answer.textOrNull('timetable_summary'),
  timezone: answer.textOrNull('timezone') ?? '',
  nextDagrunCreateAfter: answer.instantOrNull('next_dagrun_run_after'),
})

async function find(client: RestClient, dagId: string): Promise<DagView | null> {
  const answer = await client.find(pathOf`/api/v2/dags/${dagId}/details`)
  return answer === null ? null : dagView(answer)
}

async function shape(client: RestClient, dagId: string): Promise<DagShape | null> {
  const [details, tasks] = await Promise.all([
    client.find(pathOf`/api/v2/dags/${dagId}/details`),
    client.find(pathOf`/api/v2/dags/${dagId}/tasks`),
  ])
  const version = details?.inner('latest_dag_version') ?? null
  if (version === null || tasks === null) return null
  return {
    version: version.number('version_number'),
    tasks: inOrder(
      tasks.list('tasks').map((task) => ({
        taskId: task.text('task_id'),
        operator: task.text('operator_name'),
        triggerRule: task.text('trigger_rule'),
        retries: task.number('retries'),
        pool: task.text('pool'),
        downstream: task.texts('downstream_task_ids'),
      })),
    ),
  }
}

const dueRun = (answer: Answer): DueRun => ({
  logicalDate: answer.instant('logical_date'),
  dataInterval: { start: answer.instant('data_interval_start'), end: answer.instant('data_interval_end') },
  runAfter: answer.instant('run_after'),
})

async function plan(client: RestClient, dagId: string, most: number): Promise<PlanView> {
  if (most > MOST_PLANNED)
    throw new BaramError(
      'LOCAL_ONLY',
      `a server tells at most ${MOST_PLANNED} of the next runs, found ${most}; ask for fewer, or run it on the machine of the deployment`,
    )
  const answer = await client.get(pathOf`/api/baram/v1/dags/${dagId}/plan`, { limit: most })
  return {
    isPaused: answer.flag('is_paused'),
    timezone: answer.text('timezone'),
    due: answer.list('due').map(dueRun),
    upcoming: answer.list('upcoming').map(dueRun),
    sentence: answer.text('sentence'),
  }
}

/** The list of versions has no counts of runs: each is asked for. */
async function versions(client: RestClient, dagId: string) {
  const query = { order_by: '-version_number' }
  const { rows } = await client.list(pathOf`/api/v2/dags/${dagId}/dagVersions`, 'dag_versions', query)
  const countRuns = async (version: number, state?: readonly string[]) =>
    (await client.get(pathOf`/api/v2/dags/${dagId}/dagRuns`, { dag_version: version, state, limit: 1 })).number(
      'total_entries',
    )
  return each(rows, async (row) => {
    const versionNumber = row.number('version_number')
    const [runs, active] = await Promise.all([
      countRuns(versionNumber),
      countRuns(versionNumber, ['queued', 'running']),
    ])
    return { versionNumber, createdAt: row.instant('created_at'), runs, active }
  })
}

async function source(client: RestClient, dagId: string, version: number | null) {
  const query = { version_number: version ?? undefined }
  const answer = await client.find(pathOf`/api/v2/dagSources/${dagId}`, query)
  return answer === null ? null : { sourceCode: answer.text('content') }
}

async function importErrors(client: RestClient) {
  const { rows } = await client.list('/api/v2/importErrors', 'import_errors')
  return rows.map((row) => ({
    filename: row.text('filename'),
    bundleName: row.textOrNull('bundle_name'),
    stacktrace: row.text('stack_trace'),
  }))
}

/** By id, as this machine's deployment lists them. */
const listOf = (client: RestClient) => client.list('/api/v2/dags', 'dags', { order_by: 'dag_id' })

/** Runs of a DAG, of any state. */
export const countRuns = async (client: RestClient, dagId: string): Promise<number> =>
  (await client.get(pathOf`/api/v2/dags/${dagId}/dagRuns`, { limit: 1 })).number('total_entries')

export const dagsOf = (client: RestClient): Dags => ({
  async list() {
    const { rows } = await listOf(client)
    // The list has no zones; the details of a DAG have. One without a version yet has none.
    return each(rows, async (row) => (await find(client, row.text('dag_id'))) ?? dagView(row))
  },
  ids: async () => (await listOf(client)).rows.map((row) => row.text('dag_id')),
  find: (dagId) => find(client, dagId),
  shape: (dagId) => shape(client, dagId),
  async pause(dagId, isPaused) {
    await client.send('PATCH', pathOf`/api/v2/dags/${dagId}`, {}, { is_paused: isPaused })
  },
  plan: (dagId, most) => plan(client, dagId, most),
  versions: (dagId) => versions(client, dagId),
  source: (dagId, version) => source(client, dagId, version),
  importErrors: () => importErrors(client),
  countImportErrors: async () => (await client.get('/api/v2/importErrors', { limit: 1 })).number('total_entries'),
  async remove(dagId) {
    const runs = await countRuns(client, dagId)
    await client.send('DELETE', pathOf`/api/v2/dags/${dagId}`)
    return runs
  },
})
