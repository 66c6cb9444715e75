// Task instances of this machine's deployment, and their logs on this host.

import { createReadStream, existsSync, statSync, watch } from 'node:fs'
import { createInterface } from 'node:readline'
import { BaramError } from '../../../core/errors.ts'
import { clear, previewClear } from '../../../engine/control/clear.ts'
import { mark, previewMark } from '../../../engine/control/mark.ts'
import { attemptLogPath } from '../../../runtime/attempt-log.ts'
import { getInstance, listInstances } from '../../../store/postgres/read-task-instances.ts'
import { CLI_ACTOR } from '../../context.ts'
import type { ControlContext } from '../../control.ts'
import type { Instances, LogReader } from '../deployment.ts'

/** A file that grows. Streamed: a log may be larger than memory. */
class LogFile implements LogReader {
  private position = 0
  private readonly path: string

  constructor(path: string) {
    this.path = path
  }

  async *more(): AsyncIterable<string> {
    if (!existsSync(this.path)) return
    const { size } = statSync(this.path)
    if (size <= this.position) return
    const input = createReadStream(this.path, { start: this.position, end: size - 1 })
    this.position = size
    yield* createInterface({ input })
  }

  /** The end of a try may come without a line, so that half a second is enough. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, 500)
      const watcher = existsSync(this.path) ? watch(this.path, done) : null
      watcher?.on('error', done)
      function done() {
        clearTimeout(timer)
        watcher?.close()
        resolve()
      }
    })
  }
}

const ORDER = [
  { key: 'task_id', isDescending: false },
  { key: 'map_index', isDescending: false },
]

export const instancesOf = (context: ControlContext): Instances => ({
  list: ({ dagId, runId }, most) =>
    listInstances(context.database, dagId, runId, {}, { limit: most, offset: 0, order: ORDER }),
  find: (place) => getInstance(context.database, place),
  log(place, mayCome) {
    const path = attemptLogPath(context.config.logFolder, place)
    if (mayCome || existsSync(path)) return Promise.resolve(new LogFile(path))
    const { tryNumber, taskId, runId } = place
    throw new BaramError('NOT_FOUND', `try ${tryNumber} of ${taskId} in ${runId} has no log on this host (${path})`)
  },
  previewClear: (request) => previewClear(context, request),
  clear: (request) => clear(context, request, CLI_ACTOR),
  previewMark: (request) => previewMark(context, request),
  mark: async (request) => (await mark(context, request, CLI_ACTOR)).set.length,
})
