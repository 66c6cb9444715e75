// The rows of a service of data.go.kr as a task.

import { defineOperator, type Operator } from '../../sdk/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { OpenDataItem } from './answer.ts'
import { checkRequest, type OpenDataRequest } from './client.ts'
import { OpenDataAnswerError, OpenDataNoDataError, taskEnding } from './errors.ts'
import { OPEN_DATA_CONNECTION, openOpenData } from './open.ts'

/** What an XCom may have. */
const XCOM_BYTES = 1_048_576

export interface OpenDataKrOptions extends OpenDataRequest {
  /** Connection of type http whose password is the service key. Default `open_data_kr_default`. */
  readonly connId?: string
  /** The service's own parameters (template). */
  readonly query?: Readonly<Record<string, string | number>>
  /** What no rows (code 03) mean: the try fails and retries apply (default), or an empty list. */
  readonly whenEmpty?: 'fail' | 'empty'
}

/** As `openDataKr`, with a clock of the caller's. */
export function openDataKrWith<TArgs extends object>(
  clock: Clock,
  options: OpenDataKrOptions,
): Operator<TArgs, readonly OpenDataItem[]> {
  checkRequest(options)
  const { connId = OPEN_DATA_CONNECTION, whenEmpty = 'fail' } = options
  return defineOperator<TArgs, readonly OpenDataItem[], OpenDataKrOptions>({
    name: 'OpenDataKrOperator',
    options: { ...options, connId },
    templateFields: ['query'],
    async execute(op, _args, rendered) {
      const client = await openOpenData(op, { connId, clock })
      const { service } = rendered
      try {
        const rows: OpenDataItem[] = []
        let bytes = 0
        for await (const items of client.pages(rendered)) {
          bytes += Buffer.byteLength(JSON.stringify(items))
          if (bytes > XCOM_BYTES)
            throw new OpenDataAnswerError(
              { code: null, service },
              `${service}: its rows are larger than an XCom may be (1 MiB): ask for less, or use openOpenData in a function`,
            )
          rows.push(...items)
        }
        await op.record({ kind: 'source', target: service, rowsRead: rows.length, rowsWritten: rows.length })
        return rows
      } catch (error) {
        if (whenEmpty === 'empty' && error instanceof OpenDataNoDataError) return []
        throw taskEnding(error, clock.now())
      } finally {
        await client.close()
      }
    },
  })
}

/**
 * All rows of a service of apis.data.go.kr, by page; they are the XCom. The key is the password of the connection and
 * stands in no log, error or link. A refused key (30) or parameter (10) fails without a retry; used-up calls (22) are
 * tried again after midnight in Seoul.
 *
 * `TArgs`: the task's inputs, for templates: `openDataKr<{ day: string }>({ …, query: { startDt: '{{args.day}}' } })`.
 * @throws Error while the DAG is read, for a path or query that cannot be asked for
 */
export function openDataKr<TArgs extends object = Record<never, never>>(
  options: OpenDataKrOptions,
): Operator<TArgs, readonly OpenDataItem[]> {
  return openDataKrWith(systemClock, options)
}
