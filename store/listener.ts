// LISTEN with reconnection. Notifications are lost while disconnected, so every (re)connection tells its owner to look
// at the tables once: `onCatchUp`. A slow poll by the owner is the net below that.

import type pg from 'pg'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../runtime/logger.ts'
import { isDown } from './answers.ts'
import type { Database } from './database.ts'
import { sqlOf } from './database.ts'
import type { Sql } from './sql.ts'

/** `work`: queued rows; `sched`: the scheduler has something to look at; `triggers`: new waits; `callbacks`: calls to make; `ui`: runs that changed. */
export type Channel = 'work' | 'sched' | 'triggers' | 'callbacks' | 'ui'

export interface ListenerOptions {
  readonly database: Database
  readonly channels: readonly Channel[]
  readonly log: Logger
  onNotify(channel: Channel, payload: string): void
  onCatchUp(): void
}

const FIRST_PAUSE_MS = 100
/** A process that knows that the database is down keeps its attempts: it must hear so often (fence 6 s). */
const LONGEST_PAUSE_MS = 1_000

export class Listener {
  private readonly options: ListenerOptions
  private client: pg.Client | null = null
  private isStopped = false
  private pauseMs = FIRST_PAUSE_MS
  private timer: NodeJS.Timeout | null = null
  private downAt = Number.NEGATIVE_INFINITY

  constructor(options: ListenerOptions) {
    this.options = options
  }

  /** Connects; the first connection must succeed, later ones are repeated for ever. */
  async start(): Promise<void> {
    await this.connect()
  }

  /** The listening connection, for heartbeats: never blocked by the hot writer. @throws Error when disconnected */
  get sql(): Sql {
    if (this.client === null) throw new Error('the listening connection is down')
    return sqlOf(this.client)
  }

  /** When the server itself last said that it does not serve, monotonic ms. */
  get lastDownAt(): number {
    return this.downAt
  }

  async stop(): Promise<void> {
    this.isStopped = true
    if (this.timer !== null) clearTimeout(this.timer)
    const { client } = this
    this.client = null
    await client?.end().catch(() => undefined)
  }

  private async connect(): Promise<void> {
    const client = await this.options.database.connect('listen')
    try {
      await this.listen(client)
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
    // Told to stop while it connected: whoever stopped it has nothing to end.
    if (this.isStopped) return await client.end().catch(() => undefined)
    this.client = client
    this.pauseMs = FIRST_PAUSE_MS
    this.options.onCatchUp()
  }

  private async listen(client: pg.Client): Promise<void> {
    client.on('notification', (message) => {
      // Only channels we listen to arrive here.
      this.options.onNotify(message.channel as Channel, message.payload ?? '')
    })
    client.on('end', () => this.reconnect(client))
    client.on('error', (error) => {
      if (isDown(error)) this.downAt = performance.now()
      this.reconnect(client)
    })
    for (const channel of this.options.channels) await client.query(`listen ${channel}`)
  }

  private reconnect(lost: pg.Client): void {
    if (this.isStopped || this.client !== lost) return
    this.client = null
    void lost.end().catch(() => undefined)
    this.schedule()
  }

  private schedule(): void {
    if (this.isStopped || this.timer !== null) return
    this.timer = setTimeout(() => {
      this.timer = null
      this.connect().catch((error: unknown) => {
        if (isDown(error)) this.downAt = performance.now()
        this.options.log.warn({ err: messageOf(error) }, 'cannot listen to the database yet')
        this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS)
        this.schedule()
      })
    }, this.pauseMs)
  }
}
