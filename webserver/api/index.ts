// `/api/v2`: Airflow's public API as far as this version serves it.

import { Router } from 'express'
import { findClockDoubt } from '../../store/postgres/clock-holds.ts'
import { latestHeartbeats } from '../../store/postgres/read-admin.ts'
import { requireRole } from '../auth/guard.ts'
import { deploymentProblems, problemText } from '../deployment-problems.ts'
import type { Web } from '../deps.ts'
import { notFound } from '../http/errors.ts'
import { adminRoutes } from './admin.ts'
import { backfillRoutes } from './backfills.ts'
import { configurationRoutes } from './configuration.ts'
import { connectionRoutes } from './connections.ts'
import { controlRoutes, mappedControlRoutes } from './control.ts'
import { dagRoutes } from './dags.ts'
import { dependencyRoutes, mappedDependencyRoutes } from './dependencies.ts'
import { extensionRoutes } from './extensions.ts'
import { logRoutes } from './logs.ts'
import { manyRunsRoutes } from './many-runs.ts'
import { poolRoutes } from './pools.ts'
import { ApiRoutes, type Call } from './router.ts'
import { runRoutes } from './runs.ts'
import { mappedRoutes, taskInstanceRoutes } from './task-instances.ts'
import { variableRoutes } from './variables.ts'
import { waitRoutes } from './wait.ts'
import { xcomRoutes } from './xcoms.ts'

/** The version of the API document we keep to. */
const CONTRACT_VERSION = '3.2.1'

async function health({ web }: Call) {
  const beats = await latestHeartbeats(web.database).catch(() => null)
  const problems = deploymentProblems(web, await findClockDoubt(web.database).catch(() => null))
  const doubt = problems.find((problem) => problem.kind === 'clock')
  const newer = problems.find((problem) => problem.kind === 'schema')
  const of = (job: string, field: string) => {
    const beat = beats?.get(job)
    return {
      status: beat === undefined ? null : beat.isFresh ? 'healthy' : 'unhealthy',
      [field]: beat === undefined ? null : new Date(beat.at).toISOString(),
    }
  }
  return {
    metadatabase: {
      status: beats === null ? 'unhealthy' : 'healthy',
      ...(newer !== undefined && { detail: problemText(newer) }),
    },
    scheduler: {
      ...of('SchedulerJob', 'latest_scheduler_heartbeat'),
      ...(doubt !== undefined && { status: 'unhealthy', detail: problemText(doubt) }),
    },
    triggerer: of('TriggererJob', 'latest_triggerer_heartbeat'),
    dag_processor: of('DagProcessorJob', 'latest_dag_processor_heartbeat'),
  }
}

/** Only ways on this server are followed. */
export const localPath = (next: unknown): string =>
  typeof next === 'string' && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) && !next.includes('\\') ? next : '/dags'

export function apiRoutes(web: Web): Router {
  const api = new ApiRoutes(web)
  api.on('get', '/version', null, 200, async () => ({ version: CONTRACT_VERSION, git_version: null }))
  api.on('get', '/monitor/health', null, 200, health)
  api.on('get', '/auth/login', null, 307, async ({ query, res }) => {
    const next = query.text('next')
    res.redirect(307, next === undefined ? '/sign-in' : `/sign-in?next=${encodeURIComponent(localPath(next))}`)
  })
  api.on('get', '/auth/logout', null, 307, async ({ res }) => {
    res.redirect(307, '/sign-out')
  })
  dagRoutes(api)
  runRoutes(api)
  waitRoutes(api)
  manyRunsRoutes(api)
  taskInstanceRoutes(api)
  xcomRoutes(api)
  logRoutes(api)
  variableRoutes(api)
  connectionRoutes(api)
  poolRoutes(api)
  adminRoutes(api)
  configurationRoutes(api)
  extensionRoutes(api)
  dependencyRoutes(api)
  controlRoutes(api)
  backfillRoutes(api)
  const mapped = new ApiRoutes(web)
  mappedRoutes(mapped)
  mappedControlRoutes(mapped)
  mappedDependencyRoutes(mapped)
  const absent = Router()
  for (const { method, path, operationId } of web.assets.operations) {
    const key = `${method} ${path}`
    if (api.served.has(key) || mapped.served.has(key)) continue
    const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1')
    absent.all(pattern, requireRole(web, 'viewer'), (req, _res, next) => {
      if (req.method.toLowerCase() !== method) next()
      else next(notFound(`${operationId} is not available in this version of Baram`))
    })
  }
  const router = Router()
  // Last the paths that end in `{map_index}`: it would take the place of words such as `dependencies`.
  router.use(api.router, absent, mapped.router)
  return router
}
