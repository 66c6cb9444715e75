// The log of a try, page by page, by the server's continuation tokens.

import { setTimeout as sleep } from 'node:timers/promises'
import { BaramError } from '../../../core/errors.ts'
import type { LogReader, TryPlace } from '../deployment.ts'
import type { Answer } from './answer.ts'
import { pathOf, type RestClient } from './client.ts'

/** Between two looks at a log that is being written, ms. */
const LOOK_MS = 500

class RemoteLog implements LogReader {
  private readonly read: (token: string | undefined) => Promise<Answer | null>
  /** Where the page begins that was read last, and how many of its lines were given. */
  private token: string | undefined
  private given = 0

  constructor(read: RemoteLog['read']) {
    this.read = read
  }

  async *more(): AsyncIterable<string> {
    for (;;) {
      const page = await this.read(this.token)
      if (page === null) return
      const lines = page.list('content')
      for (const line of lines.slice(this.given)) yield line.json
      const next = page.textOrNull('continuation_token')
      // A log that has ended has no next page: this one is asked for again, should the try go on after a wait.
      if (next === null) {
        this.given = lines.length
        return
      }
      const isEnd = lines.length === 0
      this.token = next
      this.given = 0
      if (isEnd) return
    }
  }

  async changed(): Promise<void> {
    await sleep(LOOK_MS)
  }
}

/** @throws BaramError NOT_FOUND when there is no log, unless it may still come */
export async function openLog(client: RestClient, place: TryPlace, mayCome: boolean): Promise<LogReader> {
  const { dagId, runId, taskId, mapIndex, tryNumber } = place
  const path = pathOf`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/logs/${tryNumber}`
  const read = (token: string | undefined) => client.find(path, { map_index: mapIndex, token })
  if (!mayCome) {
    const first = await read(undefined)
    if (first === null || first.list('content').length === 0)
      throw new BaramError(
        'NOT_FOUND',
        `try ${tryNumber} of ${taskId} in ${runId} has no log on the host of ${client.url}`,
      )
  }
  return new RemoteLog(read)
}
