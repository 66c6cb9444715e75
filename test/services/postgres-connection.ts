// A test's database as a connection of ours.

import { Client } from 'pg'
import type { ConnectionResult } from '../../sdk/index.ts'

/** What `pg` reads out of a URL, as a connection of ours. */
export function connectionOf(url: string): ConnectionResult {
  const { host, port, user, password, database } = new Client({ connectionString: url })
  return {
    id: 'postgres_default',
    type: 'postgres',
    host,
    port,
    login: user ?? '',
    password: typeof password === 'string' ? password : '',
    schema: database ?? '',
  }
}
