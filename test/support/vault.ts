// A vault on a test engine's database, with a key of the test run's own.

import { randomBytes } from 'node:crypto'
import { Vault } from '../../engine/admin/vault.ts'
import { secretBox } from '../../runtime/secrets.ts'
import type { Database } from '../../store/database.ts'

const KEY = randomBytes(32)

export const vaultOf = ({ database }: { readonly database: Database }): Vault =>
  new Vault({
    database,
    box: secretBox(KEY),
    variableOverrides: new Map(),
    connectionOverrides: new Map(),
    sensitiveNames: [],
  })
