// Several runs in one request: what Airflow has since 3.3 (webserver/openapi/airflow-3.3.yaml).

import { removeRun } from '../../engine/runs/delete.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import { readBody, readInstant } from '../http/bodies.ts'
import { ApiError, invalid } from '../http/errors.ts'
import { type BulkBody, doOne, emptyAnswer, resultOf } from './bulk.ts'
import { changeRun, clearOneRun, previewOneRun, type RunClearBody, type RunPatch } from './control.ts'
import { requireDag } from './dags.ts'
import type { ApiRoutes, Call } from './router.ts'
import { requireRun } from './runs.ts'

interface RunEntity extends RunPatch {
  readonly dag_run_id: string
  readonly dag_id?: string | null
}

/** @throws ApiError 400 when `~` of the path leaves open which DAG is meant */
function keyOf({ param }: Call, given: RunEntity | string) {
  const entity = typeof given === 'string' ? { dag_run_id: given } : given
  const dagId = entity.dag_id ?? param('dag_id')
  if (dagId !== '~' && entity.dag_run_id !== '~') return { dagId, runId: entity.dag_run_id }
  const how = typeof given === 'string' ? 'BulkDAGRunBody object, not as string' : 'request body'
  throw new ApiError(
    400,
    `When using wildcard in path, dag_id must be specified in ${how} for dag_run_id: ${entity.dag_run_id}`,
  )
}

async function bulk(call: Call) {
  const { web, req, actor } = call
  const { actions } = readBody<BulkBody<RunEntity>>(web.assets, 'BulkBody_BulkDAGRunBody_', req.body)
  const answer = emptyAnswer()
  for (const { action, entities, action_on_non_existence, update_mask } of actions) {
    const done = resultOf(answer, action)
    if (action === 'create') {
      const error = 'Dag Runs bulk create is not supported. Use the trigger Dag Run endpoint instead.'
      done.errors.push({ error, status_code: 405 })
      continue
    }
    const mask = update_mask === null || update_mask === undefined ? null : new Set(update_mask)
    for (const entity of entities)
      await doOne(done, action_on_non_existence === 'skip', async () => {
        const key = keyOf(call, entity)
        if (action === 'delete') await removeRun(web, key, actor)
        else if (typeof entity !== 'string') await changeRun(web, key, entity, mask, actor)
        return [`${key.dagId}.${key.runId}`]
      })
  }
  return answer
}

interface PartitionBody {
  readonly partition_key?: string | null
  readonly partition_date_start?: string | null
  readonly partition_date_end?: string | null
}

const isGiven = (value: unknown): boolean => value !== null && value !== undefined

/** @throws ApiError 422 unless runs are chosen in exactly one way */
function checkSelectors(body: PartitionBody, other: { readonly name: string; readonly isGiven: boolean }): void {
  const refuse = (msg: string) => invalid({ type: 'value_error', loc: ['body'], msg: `Value error, ${msg}` })
  const [start, end] = [
    readInstant('partition_date_start', body.partition_date_start),
    readInstant('partition_date_end', body.partition_date_end),
  ]
  const ways = [other.isGiven, isGiven(body.partition_key), start !== null || end !== null]
  if (ways.filter(Boolean).length !== 1)
    throw refuse(
      `Exactly one of ${other.name}, partition_key, or a partition date window ` +
        '(partition_date_start / partition_date_end) must be provided.',
    )
  if (start !== null && end !== null && end < start) throw refuse('partition_date_end is before partition_date_start')
}

type ClearRunsBody = RunClearBody & PartitionBody & { readonly dag_runs?: readonly RunEntity[] }

/** Which runs are meant, each once, in the order asked. @throws ApiError 400 */
function runsOf({ param }: Call, entities: readonly RunEntity[]) {
  const pathId = param('dag_id')
  const keys = entities.map(({ dag_id, dag_run_id }) => {
    const dagId = dag_id ?? pathId
    if (dagId === '~')
      throw new ApiError(
        400,
        `When the URL dag_id is '~', every entry must provide a concrete dag_id (missing on dag_run_id: '${dag_run_id}').`,
      )
    if (pathId !== '~' && dagId !== pathId)
      throw new ApiError(400, `Entry dag_id '${dagId}' does not match the URL dag_id '${pathId}'.`)
    return { dagId, runId: dag_run_id }
  })
  return [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()]
}

async function clearRuns(call: Call) {
  const { web, req, actor, param } = call
  const body = readBody<ClearRunsBody>(web.assets, 'BulkDAGRunClearBody', req.body)
  const { dag_runs: entities = [], ...options } = body
  checkSelectors(body, { name: 'dag_runs (non-empty)', isGiven: entities.length > 0 })
  if (entities.length === 0 && param('dag_id') === '~')
    throw new ApiError(400, "Partition selectors require a concrete dag_id; '~' is not supported.")
  if (entities.length === 0) await requireDag(web, param('dag_id'))
  // No run here has a partition: whoever chooses by one means none.
  const keys = runsOf(call, entities)
  // All are there before the first is touched.
  for (const { dagId, runId } of keys) await requireRun(web, dagId, runId)
  if (options.dry_run !== false) {
    const shown = []
    for (const key of keys) shown.push(...(await previewOneRun(web, key, options)).task_instances)
    return { task_instances: shown, total_entries: shown.length }
  }
  const runs = []
  for (const key of keys) runs.push(await clearOneRun(web, key, options, actor))
  return { dag_runs: runs, total_entries: runs.length }
}

interface ClearPartitionsBody extends PartitionBody {
  readonly run_id?: string | null
  readonly clear_task_instances?: boolean
  readonly dry_run?: boolean
}

/** There are no partitions to clear. With the task instances of a run it would be a clear under another name. */
async function clearPartitions({ web, req, param }: Call) {
  const body = readBody<ClearPartitionsBody>(web.assets, 'ClearPartitionsBody', req.body)
  checkSelectors(body, { name: 'run_id', isGiven: isGiven(body.run_id) })
  const dagId = param('dag_id')
  if (dagId === '~') throw airflowNotFound('dag', dagId)
  await requireDag(web, dagId)
  if (isGiven(body.run_id) && body.clear_task_instances === true)
    throw new ApiError(
      400,
      'Runs have no partitions here. Clear the task instances of the run with clearTaskInstances.',
    )
  return { dag_runs_cleared: 0, task_instances_cleared: 0, dry_run: body.dry_run !== false }
}

export function manyRunsRoutes(api: ApiRoutes): void {
  api.on('patch', '/dags/{dag_id}/dagRuns', 'user', 200, bulk)
  api.on('post', '/dags/{dag_id}/clearDagRuns', 'user', 200, clearRuns)
  api.on('post', '/dags/{dag_id}/clearPartitions', 'user', 200, clearPartitions)
}
