// Notices in a running process that a newer Baram has migrated the database. The process goes on (versions N and N-1 work
// side by side); a person should know, and restart it with the newer version.

import { messageOf } from '../core/errors.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Database } from './database.ts'
import { listAppliedMigrations } from './migrate.ts'

export interface SchemaWatchOptions {
  readonly database: Database
  readonly log: Logger
  /** Names of the migrations of this version. */
  readonly known: readonly string[]
  readonly everyMs?: number
}

/** Migrations are rare; half a minute late is early, ms. */
const LOOK_MS = 30_000

export class SchemaWatch {
  private readonly options: SchemaWatchOptions
  private timer: NodeJS.Timeout | null = null
  private found: readonly string[] = []

  constructor(options: SchemaWatchOptions) {
    this.options = options
  }

  /** Applied migrations that this version does not know. */
  get newer(): readonly string[] {
    return this.found
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), this.options.everyMs ?? LOOK_MS)
    this.timer.unref()
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer)
  }

  async look(): Promise<void> {
    const { database, known, log } = this.options
    try {
      const newer = (await listAppliedMigrations(database)).filter((name) => !known.includes(name))
      if (newer.length > 0 && newer.join() !== this.found.join())
        log.error({ newer }, 'the database was migrated by a newer Baram: restart this process with that version')
      this.found = newer
    } catch (error) {
      log.debug({ err: messageOf(error) }, 'the version of the schema could not be read')
    }
  }
}
