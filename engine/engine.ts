// What a verb is given beside its request: the engine it works on, and who asks.
//
// A verb is `(engine, request, actor) → outcome`. It locks, lets core decide, writes, writes its own audit row, notifies.
// API, pages, CLI and the calls of running tasks translate words into requests and outcomes into words, nothing else.

import type { Database } from '../store/database.ts'
import { type AuditEntry, insertAudit } from '../store/postgres/audit.ts'
import type { Sql } from '../store/sql.ts'
import type { Vault } from './admin/vault.ts'
import type { RunCache } from './transaction/run-cache.ts'
import type { RunTransactions } from './transaction/run-transaction.ts'

export interface Engine {
  readonly database: Database
  readonly runCache: RunCache
  readonly transactions: RunTransactions
  /** Seals what is secret, and knows what must be hidden from notes. */
  readonly vault: Vault
}

/** What verbs are given that write neither notes nor secrets: the scheduler's passes. */
export type RunEngine = Omit<Engine, 'vault'>

/** By which door a request came: `dag_run.triggered_by` has the same words. */
export type Via = 'cli' | 'operator' | 'rest_api' | 'ui'

/** Who asks for a change. */
export interface Actor {
  readonly name: string
  readonly via: Via
}

/** What an audit row says beside who and when. */
export type Audited = Omit<AuditEntry, 'owner' | 'extra'> & { readonly extra?: Readonly<Record<string, unknown>> }

/** One row of the audit log, in the transaction of the change. What a running task does to runs, its ledger tells. */
export async function audit(tx: Sql, actor: Actor, entry: Audited): Promise<void> {
  if (actor.via === 'operator' && entry.dagId !== undefined) return
  await insertAudit(tx, { ...entry, owner: actor.name, extra: { via: actor.via, ...entry.extra } })
}
