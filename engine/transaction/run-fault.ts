// Which run of a batch an error belongs to: a transaction over many runs is retried without the one at fault.

import { messageOf } from '../../core/errors.ts'

/** What one run made a transaction fail with. */
export class RunFault extends Error {
  override readonly name = 'RunFault'
  readonly dagRunId: number

  constructor(dagRunId: number, cause: unknown) {
    super(messageOf(cause), { cause })
    this.dagRunId = dagRunId
  }
}

/** Runs `body` for one run: what it throws is that run's fault. */
export function blame<T>(dagRunId: number, body: () => T): T {
  try {
    return body()
  } catch (cause) {
    throw new RunFault(dagRunId, cause)
  }
}

/** As above for what is awaited. */
export async function blameAsync<T>(dagRunId: number, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (cause) {
    throw new RunFault(dagRunId, cause)
  }
}
