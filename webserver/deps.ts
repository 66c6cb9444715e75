// What the composition root gives the webserver, and what its parts share.

import type { Vault } from '../engine/admin/vault.ts'
import type { RunCache } from '../engine/transaction/run-cache.ts'
import type { RunTransactions } from '../engine/transaction/run-transaction.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Database } from '../store/database.ts'
import type { SchemaWatch } from '../store/schema-watch.ts'
import type { Assets } from './assets.ts'
import type { Tokens } from './auth/tokens.ts'
import type { EventHub } from './events/hub.ts'
import type { IndexCache } from './logs/index-cache.ts'
import type { RunCells } from './states/run-cells.ts'

export interface WebserverDeps {
  readonly config: Config
  readonly database: Database
  readonly runCache: RunCache
  readonly vault: Vault
  readonly log: Logger
  readonly jwtSecret: string | Buffer
  /** Tells of a schema newer than this version. */
  readonly schema?: Pick<SchemaWatch, 'newer'>
}

export interface Web extends WebserverDeps {
  /** Writes what a user's verbs change in runs. */
  readonly transactions: RunTransactions
  readonly tokens: Tokens
  readonly assets: Assets
  readonly hub: EventHub
  readonly cells: RunCells
  /** What is counted of the logs that pages look at. */
  readonly logs: IndexCache
}
