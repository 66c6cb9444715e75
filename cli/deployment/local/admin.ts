// Variables, connections, pools and backfills of this machine's deployment.

import { deleteConnection, setConnection } from '../../../engine/admin/connections.ts'
import { removePool, setPool } from '../../../engine/admin/pools.ts'
import { deleteVariable, setVariable } from '../../../engine/admin/variables.ts'
import type { Connection, Vault } from '../../../engine/admin/vault.ts'
import type { Engine } from '../../../engine/engine.ts'
import { cancelBackfill, createBackfill, pauseBackfill, previewBackfill } from '../../../engine/runs/backfill.ts'
import { type BackfillRow, getBackfill, listBackfills } from '../../../store/postgres/backfills.ts'
import { getPool, listPools } from '../../../store/postgres/read-admin.ts'
import { CLI_ACTOR, everything } from '../../context.ts'
import type { Backfills, BackfillView, Connections, ConnectionView, Pools, Variables } from '../deployment.ts'

export const variablesOf = (engine: Engine): Variables => ({
  list: () => engine.vault.listVariables(),
  value: (key) => engine.vault.getVariable(key),
  set: (setting) => setVariable(engine, setting, CLI_ACTOR),
  remove: (key) => deleteVariable(engine, { key }, CLI_ACTOR),
  isOverridden: (key) => engine.vault.isVariableOverridden(key),
})

const connectionView = (vault: Vault, { password, updatedAt: _, ...connection }: Connection): ConnectionView => ({
  ...connection,
  extra: vault.shownExtra(connection.extra),
  hasPassword: password !== null && password !== '',
})

export const connectionsOf = (engine: Engine): Connections => ({
  list: async () => (await engine.vault.listConnections()).map((found) => connectionView(engine.vault, found)),
  async find(connId) {
    const found = await engine.vault.getConnection(connId)
    return found === null ? null : connectionView(engine.vault, found)
  },
  set: (setting) => setConnection(engine, setting, CLI_ACTOR),
  remove: (connId) => deleteConnection(engine, connId, CLI_ACTOR),
})

export const poolsOf = (engine: Engine): Pools => ({
  list: async () => (await listPools(engine.database, {}, everything)).rows,
  find: (name) => getPool(engine.database, name),
  set: (setting) => setPool(engine, setting, CLI_ACTOR),
  remove: (name) => removePool(engine, name, CLI_ACTOR),
})

const backfillView = (row: BackfillRow): BackfillView => ({ ...row, runs: row.dates - row.withoutRun })

export const backfillsOf = (engine: Engine): Backfills => ({
  preview: (request) => previewBackfill(engine, request),
  create: (request) => createBackfill(engine, request, CLI_ACTOR),
  async find(id) {
    const row = await getBackfill(engine.database, id)
    return row === null ? null : backfillView(row)
  },
  list: async (dagId) => (await listBackfills(engine.database, dagId, everything)).rows.map(backfillView),
  pause: (id, isPaused) => pauseBackfill(engine, { id, isPaused }, CLI_ACTOR),
  cancel: (id) => cancelBackfill(engine, id, CLI_ACTOR),
})
