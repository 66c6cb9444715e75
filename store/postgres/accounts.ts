// Accounts and one-time sign-in links. Passwords arrive here hashed, tokens as sha256.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export type Role = 'viewer' | 'user' | 'op' | 'admin'

export interface AccountRow {
  readonly id: number
  readonly username: string
  readonly passwordHash: string
  readonly role: Role
  readonly isActive: boolean
  readonly mustChangePassword: boolean
  readonly sessionEpoch: number
  readonly createdAt: number
  readonly updatedAt: number
}

const ACCOUNT =
  'id, username, password_hash, role, is_active, must_change_password, session_epoch, created_at, updated_at'

export async function findAccount(sql: Sql, username: string): Promise<AccountRow | null> {
  const rows = await rowsOf<AccountRow>(
    sql,
    `select ${ACCOUNT} from account where username = $1`,
    [username],
    'find_account',
  )
  return rows[0] ?? null
}

export async function listAccountRows(sql: Sql): Promise<readonly AccountRow[]> {
  return rowsOf<AccountRow>(sql, `select ${ACCOUNT} from account order by username`)
}

export interface NewAccount {
  readonly username: string
  readonly passwordHash: string
  readonly role: Role
  readonly mustChangePassword: boolean
}

/** False when the name is taken. */
export async function insertAccount(tx: Sql, account: NewAccount): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into account (username, password_hash, role, must_change_password) values ($1, $2, $3, $4) on conflict do nothing`,
    [account.username, account.passwordHash, account.role, account.mustChangePassword],
  )
  return rowCount === 1
}

/** Sets the password and ends every session and token of the account. False when there is no such account. */
export async function updatePassword(
  tx: Sql,
  username: string,
  passwordHash: string,
  mustChange: boolean,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update account set password_hash = $2, must_change_password = $3, session_epoch = session_epoch + 1, updated_at = now() where username = $1`,
    [username, passwordHash, mustChange],
  )
  return rowCount === 1
}

export async function insertSignInToken(tx: Sql, hash: string, username: string, ttlMs: number): Promise<void> {
  await tx.query('delete from sign_in_token where expires_at < now()')
  await tx.query(
    `insert into sign_in_token (token_hash, username, expires_at) values ($1, $2, now() + $3 * interval '1 millisecond')`,
    [hash, username, ttlMs],
  )
}

/** Uses a link up; its account's name, or null when it is unknown, used or too old. */
export async function takeSignInToken(sql: Sql, hash: string): Promise<string | null> {
  const rows = await rowsOf<{ username: string; isValid: boolean }>(
    sql,
    'delete from sign_in_token where token_hash = $1 returning username, expires_at > now() as is_valid',
    [hash],
  )
  const row = rows[0]
  return row?.isValid === true ? row.username : null
}
