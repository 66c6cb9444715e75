// The one place that chooses whom a command speaks to: this machine's deployment, or a server.

import { target } from '../target.ts'
import type { Deployment } from './deployment.ts'

/** Opens the deployment that was chosen, runs `body` on it, and closes it whatever happens. */
export async function withDeployment<T>(body: (deployment: Deployment) => Promise<T>): Promise<T> {
  const chosen = target()
  // Only what is asked is loaded: a laptop that steers a server needs no database client.
  if (chosen === null) return (await import('./local/deployment.ts')).withLocal(body)
  return (await import('./remote/deployment.ts')).withRemote(chosen, body)
}
