// What the collecting tasks of the example streams may be told: where their connections are, and when a window ends.

import type { TopicOptions, Until } from '../operators/event-log/index.ts'

export interface StreamOptions {
  /** Default 10,000 records or 10 seconds. */
  readonly until?: Until
  /** Default: the pipeline's own. */
  readonly topic?: string
  /** Default `kafka_default`; without it the embedded event log. */
  readonly logConnId?: string
  /** Default `postgres_default`; without it the embedded Postgres. */
  readonly postgresConnId?: string
  /** Default `hdfs_default`; without it the embedded lake. */
  readonly lakeConnId?: string
  /** Seconds an idle stream is waited for before the run ends. Default 300. */
  readonly idleSeconds?: number
}

/** Left out where nothing was said: then the sink's own default counts. */
export const connection = (connId: string | undefined) => (connId === undefined ? {} : { connId })

/** Those of `consumeWindow`. */
export const windowOptions = ({ until, idleSeconds, logConnId }: StreamOptions, create: TopicOptions) => ({
  ...connection(logConnId),
  create,
  ...(until !== undefined && { until }),
  ...(idleSeconds !== undefined && { idleSeconds }),
})
