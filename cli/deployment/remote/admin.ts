// Variables, connections, pools and backfills of a server.

import { REPROCESS_BEHAVIORS } from '../../../core/backfill.ts'
import { alreadyExists, BaramError, notFound } from '../../../core/errors.ts'
import { MASK } from '../../../core/masker.ts'
import type { OnExisting } from '../../../engine/admin/setting.ts'
import type { BackfillRequest } from '../../../engine/runs/backfill.ts'
import type {
  Backfills,
  BackfillView,
  Connections,
  ConnectionView,
  Pools,
  PoolView,
  Variables,
  VariableView,
} from '../deployment.ts'
import type { Answer } from './answer.ts'
import { pathOf, type RestClient } from './client.ts'

const isCode = (error: unknown, code: BaramError['code']): boolean => error instanceof BaramError && error.code === code

interface Settable {
  readonly path: string
  readonly pathOfOne: string
  readonly body: Readonly<Record<string, unknown>>
  /** Of a change, where Airflow names its fields otherwise than when it is made. */
  readonly change?: Readonly<Record<string, unknown>>
  readonly exists: () => BaramError
}

/** Made where it is not, changed where it is. @returns false when it existed and `existing` is `skip` */
async function put(client: RestClient, existing: OnExisting, { path, pathOfOne, body, change, exists }: Settable) {
  try {
    await client.send('POST', path, {}, body)
    return true
  } catch (error) {
    if (!isCode(error, 'CONFLICT')) throw error
    if (existing === 'fail') throw exists()
    if (existing === 'skip') return false
  }
  await client.send('PATCH', pathOfOne, {}, change ?? body)
  return true
}

/** Deletes one, with our own sentence when there is none. */
async function remove(client: RestClient, path: string, missing: () => BaramError): Promise<void> {
  try {
    await client.send('DELETE', path)
  } catch (error) {
    throw isCode(error, 'NOT_FOUND') ? missing() : error
  }
}

const variableView = (answer: Answer): VariableView => {
  const value = answer.textOrNull('value') ?? ''
  return {
    key: answer.text('key'),
    value,
    description: answer.textOrNull('description'),
    isSensitive: value === MASK,
  }
}

export function variablesOf(client: RestClient): Variables {
  const one = (key: string) => pathOf`/api/v2/variables/${key}`
  return {
    list: async () => (await client.list('/api/v2/variables', 'variables', { order_by: 'key' })).rows.map(variableView),
    async value(key) {
      const answer = await client.find(one(key))
      if (answer === null) return null
      const { value, isSensitive } = variableView(answer)
      if (!isSensitive) return value
      throw new BaramError(
        'LOCAL_ONLY',
        `the value of ${key} is a secret, and ${client.url} gives ${MASK} for it; read it on the machine of the deployment`,
      )
    },
    set: ({ key, value, description, existing = 'overwrite' }) =>
      put(client, existing, {
        path: '/api/v2/variables',
        pathOfOne: one(key),
        body: { key, value, description },
        exists: () => alreadyExists('variable', key),
      }),
    remove: (key) => remove(client, one(key), () => notFound('variable', key)),
    isOverridden: () => false,
  }
}

const connectionView = (answer: Answer): ConnectionView => ({
  connId: answer.text('connection_id'),
  connType: answer.text('conn_type'),
  description: answer.textOrNull('description'),
  host: answer.textOrNull('host'),
  schema: answer.textOrNull('schema'),
  login: answer.textOrNull('login'),
  port: answer.numberOrNull('port'),
  extra: answer.textOrNull('extra'),
  hasPassword: answer.textOrNull('password') !== null,
})

export function connectionsOf(client: RestClient): Connections {
  const one = (connId: string) => pathOf`/api/v2/connections/${connId}`
  return {
    list: async () =>
      (await client.list('/api/v2/connections', 'connections', { order_by: 'connection_id' })).rows.map(connectionView),
    async find(connId) {
      const answer = await client.find(one(connId))
      return answer === null ? null : connectionView(answer)
    },
    set: ({ connId, connType, description, host, schema, login, password, port, extra, existing }) =>
      put(client, existing, {
        path: '/api/v2/connections',
        pathOfOne: one(connId),
        body: { connection_id: connId, conn_type: connType, description, host, schema, login, password, port, extra },
        exists: () => alreadyExists('connection', connId),
      }),
    remove: (connId) => remove(client, one(connId), () => notFound('connection', connId)),
  }
}

const poolView = (answer: Answer): PoolView => ({
  pool: answer.text('name'),
  slots: answer.number('slots'),
  description: answer.textOrNull('description'),
  includeDeferred: answer.flag('include_deferred'),
  running: answer.number('running_slots'),
  queued: answer.number('queued_slots'),
  scheduled: answer.number('scheduled_slots'),
})

export function poolsOf(client: RestClient): Pools {
  const one = (name: string) => pathOf`/api/v2/pools/${name}`
  return {
    list: async () => (await client.list('/api/v2/pools', 'pools')).rows.map(poolView),
    async find(name) {
      const answer = await client.find(one(name))
      return answer === null ? null : poolView(answer)
    },
    async set({ pool, slots, description, includeDeferred }) {
      const fields = { slots, description, include_deferred: includeDeferred }
      await put(client, 'overwrite', {
        path: '/api/v2/pools',
        pathOfOne: one(pool),
        body: { name: pool, ...fields },
        change: { pool, ...fields },
        exists: () => new BaramError('CONFLICT', `pool ${pool} already exists`),
      })
    },
    remove: (name) => remove(client, one(name), () => notFound('pool', name)),
  }
}

const backfillView = (answer: Answer): BackfillView => ({
  id: answer.number('id'),
  dagId: answer.text('dag_id'),
  fromDate: answer.instant('from_date'),
  toDate: answer.instant('to_date'),
  isPaused: answer.flag('is_paused'),
  completedAt: answer.instantOrNull('completed_at'),
  maxActiveRuns: answer.number('max_active_runs'),
  reprocessBehavior: answer.word('reprocess_behavior', REPROCESS_BEHAVIORS),
  // Airflow's answer has no counts.
  runs: null,
  queued: null,
  running: null,
  success: null,
  failed: null,
})

const backfillBody = ({ from, to, ...request }: BackfillRequest) => ({
  dag_id: request.dagId,
  from_date: new Date(from).toISOString(),
  to_date: new Date(to).toISOString(),
  run_backwards: request.isReverse,
  reprocess_behavior: request.reprocess,
  ...(request.conf !== null && { dag_run_conf: request.conf }),
  max_active_runs: request.maxActiveRuns,
  run_on_latest_version: request.onLatestVersion,
})

export function backfillsOf(client: RestClient): Backfills {
  const one = (id: number) => pathOf`/api/v2/backfills/${id}`
  const change = async (id: number, verb: 'pause' | 'unpause' | 'cancel') => {
    try {
      await client.send('PUT', `${one(id)}/${verb}`)
    } catch (error) {
      throw isCode(error, 'NOT_FOUND') ? notFound('backfill', id) : error
    }
  }
  return {
    async preview(request) {
      const answer = await client.send('POST', '/api/v2/backfills/dry_run', {}, backfillBody(request))
      // Airflow's dry run has the dates that get a run, and not why others have none.
      return answer
        .list('backfills')
        .map((date) => ({ run: { logicalDate: date.instant('logical_date') }, existing: null, exception: null }))
    },
    create: async (request) => (await client.send('POST', '/api/v2/backfills', {}, backfillBody(request))).number('id'),
    async find(id) {
      const answer = await client.find(one(id))
      return answer === null ? null : backfillView(answer)
    },
    list: async (dagId) =>
      (await client.list('/api/v2/backfills', 'backfills', { dag_id: dagId })).rows.map(backfillView),
    pause: (id, isPaused) => change(id, isPaused ? 'pause' : 'unpause'),
    cancel: (id) => change(id, 'cancel'),
  }
}
