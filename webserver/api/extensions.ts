// What Airflow is extended by and Baram has none of, or one: plugins, providers, links of operators, remote logs, assets of runs.

import { productVersion } from '../../runtime/paths.ts'
import { getInstance } from '../../store/postgres/read-task-instances.ts'
import { ApiError, notFound } from '../http/errors.ts'
import { requireLatest } from './dags.ts'
import type { ApiRoutes, Call } from './router.ts'
import { requireRun } from './runs.ts'
import { placeOf } from './task-instances.ts'

/** Operators and clients come with the product. */
const PROVIDERS = [
  {
    package_name: 'baram',
    description: 'Operators of Baram: lake, warehouse, event log, document index, HTTP, Postgres, Bash, Spark, mail',
    version: productVersion,
    documentation_url: null,
  },
]

async function providers({ web, query }: Call) {
  const { limit, offset } = query.page(web.config, { package_name: '' }, 'package_name')
  query.done()
  return { providers: PROVIDERS.slice(offset, offset + limit), total_entries: PROVIDERS.length }
}

async function plugins({ web, query }: Call) {
  query.page(web.config, { name: '' }, 'name')
  query.done()
  return { plugins: [], total_entries: 0 }
}

/** No operator here declares a link. */
async function links(call: Call) {
  const { web } = call
  const at = placeOf(call, false)
  const { graph } = await requireLatest(web, at.dagId)
  const ti = await getInstance(web.database, at)
  if (ti === null && graph.find(at.taskId) === undefined) throw notFound(`Task with ID = ${at.taskId} not found`)
  if (ti === null) throw notFound('TaskInstance not found')
  return { extra_links: {}, total_entries: 0 }
}

/** Logs lie on the hosts of their workers. */
async function externalLog() {
  throw new ApiError(400, 'Task log handler does not support external logs.')
}

async function upstreamAssetEvents({ web, param }: Call) {
  await requireRun(web, param('dag_id'), param('dag_run_id'))
  return { asset_events: [], total_entries: 0 }
}

const RUN = '/dags/{dag_id}/dagRuns/{dag_run_id}'

export function extensionRoutes(api: ApiRoutes): void {
  api.on('get', '/providers', 'viewer', 200, providers)
  api.on('get', '/plugins', 'viewer', 200, plugins)
  api.on('get', '/plugins/importErrors', 'viewer', 200, async () => ({ import_errors: [], total_entries: 0 }))
  api.on('get', `${RUN}/upstreamAssetEvents`, 'viewer', 200, upstreamAssetEvents)
  api.on('get', `${RUN}/taskInstances/{task_id}/links`, 'viewer', 200, links)
  api.on('get', `${RUN}/taskInstances/{task_id}/externalLogUrl/{try_number}`, 'viewer', 200, externalLog)
}
