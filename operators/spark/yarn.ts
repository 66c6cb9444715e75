// YARN's ResourceManager through its REST API. Tested against a made-up one only: no YARN runs here.

import { type Cluster, ClusterUnreachableError, type JobStatus } from './cluster.ts'
import { ask, firstOf, type Json, textOf } from './fetch-json.ts'

const ENDED = ['FINISHED', 'FAILED', 'KILLED']

/** State and final status are two things there: an application that FINISHED may have FAILED. */
function statusOf(app: Json): JobStatus {
  const [state, final] = [textOf(app['state']), textOf(app['finalStatus'])]
  const isActive = !ENDED.includes(state)
  return { state: isActive ? state : final || state, isActive, hasSucceeded: !isActive && final === 'SUCCEEDED' }
}

export function yarnCluster(resourceManagers: readonly string[]): Cluster {
  const asked = async <T>(question: (url: string) => Promise<T>): Promise<T> => {
    const where = resourceManagers.join(', ') || 'none: give web-ui in the extra of the connection'
    return firstOf(resourceManagers, question).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new ClusterUnreachableError(`the ResourceManager (${where}) does not answer: ${why}`, { cause })
    })
  }
  const appOf = (url: string, id: string) => `${url}/ws/v1/cluster/apps/${encodeURIComponent(id)}`
  return {
    name: 'YARN',
    status: ({ id }) =>
      asked(async (url) => {
        const answer = await ask(appOf(url, id)).catch((error: unknown) => {
          if (error instanceof Error && error.message.endsWith('answered 404')) return null
          throw error
        })
        if (answer === null) return null
        // A standby redirects to the active one, which is asked next.
        if (answer.status !== 200) throw new Error(`${url} is not the active one`)
        const { app } = (await answer.json()) as { app?: Json }
        return app === undefined ? null : statusOf(app)
      }),
    kill: ({ id }) =>
      asked(async (url) => {
        const answer = await ask(`${appOf(url, id)}/state`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ state: 'KILLED' }),
        })
        if (answer.status >= 300) throw new Error(`${url} is not the active one`)
      }),
    proxyOf: (id) => (resourceManagers[0] === undefined ? null : `${resourceManagers[0]}/proxy/${id}`),
  }
}
