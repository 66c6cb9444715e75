// A standalone master through its pages: `/json/` tells of applications, drivers and workers, and two forms kill them.

import { type Cluster, type ClusterJob, ClusterUnreachableError, type JobStatus } from './cluster.ts'
import { ask, askJson, firstOf, type Json, objectsOf, textOf } from './fetch-json.ts'

const SUCCESS = 'FINISHED'

const LISTS = {
  application: ['activeapps', 'completedapps'],
  driver: ['activedrivers', 'completeddrivers'],
} as const

interface Master {
  readonly url: string
  readonly told: Json
}

/** Standby masters answer too, and know nothing. */
async function aliveMaster(url: string): Promise<Master> {
  const told = (await askJson(`${url}/json/`)) as Json
  if (told['status'] === 'ALIVE') return { url, told }
  throw new Error(`the master at ${url} is ${textOf(told['status']) || 'no master of Spark'}`)
}

const withId = (list: unknown, id: string) => objectsOf(list).find((item) => item['id'] === id)

export function standaloneCluster(master: string, webUis: readonly string[]): Cluster {
  const alive = () =>
    firstOf(webUis, aliveMaster).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new ClusterUnreachableError(`the master's pages (${webUis.join(', ')}) do not answer: ${why}`, { cause })
    })
  return {
    name: `the master ${master}`,
    async status({ kind, id }: ClusterJob): Promise<JobStatus | null> {
      const { told } = await alive()
      const [activeList, completedList] = LISTS[kind]
      const active = withId(told[activeList], id)
      const found = active ?? withId(told[completedList], id)
      if (found === undefined) return null
      const state = textOf(found['state'])
      const worker = withId(told['workers'], textOf(found['worker']))
      return {
        state,
        isActive: active !== undefined,
        hasSucceeded: active === undefined && state === SUCCESS,
        ...(worker !== undefined && { host: textOf(worker['host']), workerUi: textOf(worker['webuiaddress']) }),
      }
    },
    async kill({ kind, id }) {
      const { url } = await alive()
      const body = new URLSearchParams({ id, terminate: 'true' })
      await ask(`${url}/${kind === 'driver' ? 'driver' : 'app'}/kill/`, { method: 'POST', body })
    },
    proxyOf: () => null,
  }
}
