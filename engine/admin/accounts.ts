// Accounts: passwords as scrypt hashes, one-time sign-in links, and who may do what.

import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { alreadyExists, BaramError, notFound } from '../../core/errors.ts'
import type { Database } from '../../store/database.ts'
import {
  type AccountRow,
  findAccount,
  insertAccount,
  insertSignInToken,
  listAccountRows,
  type Role,
  takeSignInToken,
  updatePassword,
} from '../../store/postgres/accounts.ts'
import { type Actor, audit, type Engine } from '../engine.ts'

export type { Role } from '../../store/postgres/accounts.ts'

export interface Account {
  readonly username: string
  readonly role: Role
  readonly isActive: boolean
  readonly mustChangePassword: boolean
  /** Grows when a password is reset: tokens made before no longer count. */
  readonly sessionEpoch: number
  readonly createdAt: number
}

export const ROLES: readonly Role[] = ['viewer', 'user', 'op', 'admin']

/** Each role may do what the ones before it may. */
export const mayAct = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed)

/** 64 MB and about 100 ms a guess: N = 2^16, r = 8, p = 1. */
const COST = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1024 * 1024 }
const KEY_BYTES = 32
const LEAST_LENGTH = 12
const MOST_LENGTH = 1024

function derive(password: string, salt: Buffer, cost: { N: number; r: number; p: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...cost, maxmem: COST.maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** `scrypt$N$r$p$salt$key`, so that the cost can grow without ending old passwords. */
async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

async function matches(password: string, stored: string): Promise<boolean> {
  const [kind, n, r, p, salt = '', key = ''] = stored.split('$')
  if (kind !== 'scrypt') return false
  const expected = Buffer.from(key, 'base64url')
  const found = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(n), r: Number(r), p: Number(p) })
  return expected.length === found.length && timingSafeEqual(expected, found)
}

const accountOf = (row: AccountRow): Account => ({
  username: row.username,
  role: row.role,
  isActive: row.isActive,
  mustChangePassword: row.mustChangePassword,
  sessionEpoch: row.sessionEpoch,
  createdAt: row.createdAt,
})

function checkPassword(password: string): void {
  if (password.length < LEAST_LENGTH || password.length > MOST_LENGTH)
    throw new BaramError(
      'INPUT_INVALID',
      `a password has ${LEAST_LENGTH} to ${MOST_LENGTH} characters, found ${password.length}`,
    )
}

function checkUsername(username: string): void {
  if (!/^[A-Za-z0-9_.@+-]{1,250}$/.test(username))
    throw new BaramError('INPUT_INVALID', 'a user name has 1 to 250 letters, digits or _ . @ + -')
}

export interface NewAccount {
  readonly username: string
  readonly password: string
  readonly role: Role
  /** At the next sign-in on a page. Default false. */
  readonly mustChangePassword?: boolean
}

/** @throws BaramError INPUT_INVALID | CONFLICT */
export async function createAccount(
  { database }: Pick<Engine, 'database'>,
  account: NewAccount,
  actor: Actor,
): Promise<void> {
  checkUsername(account.username)
  checkPassword(account.password)
  const passwordHash = await hashPassword(account.password)
  await database.transaction(async (tx) => {
    const { username, role } = account
    const isNew = await insertAccount(tx, {
      username,
      passwordHash,
      role,
      mustChangePassword: account.mustChangePassword ?? false,
    })
    if (!isNew) throw alreadyExists('account', username)
    await audit(tx, actor, { event: 'account.create', extra: { username, role } })
  })
}

/** Also ends every session and token of the account. @throws BaramError NOT_FOUND | INPUT_INVALID */
export async function resetPassword(
  { database }: Pick<Engine, 'database'>,
  { username, password, mustChangePassword = false }: Omit<NewAccount, 'role'>,
  actor: Actor,
): Promise<void> {
  checkPassword(password)
  const hash = await hashPassword(password)
  await database.transaction(async (tx) => {
    if (!(await updatePassword(tx, username, hash, mustChangePassword))) throw notFound('account', username)
    await audit(tx, actor, { event: 'account.reset_password', extra: { username } })
  })
}

export async function listAccounts(database: Database): Promise<readonly Account[]> {
  return (await listAccountRows(database)).map(accountOf)
}

export async function getAccount(database: Database, username: string): Promise<Account | null> {
  const row = await findAccount(database, username)
  return row === null ? null : accountOf(row)
}

/** A hash nobody knows the password of: a guess at an unknown name takes as long as one at a known name. */
let decoy: Promise<string> | null = null

/** The account whose password this is, or null: unknown name, wrong password and disabled account look alike. */
export async function verifyPassword(database: Database, username: string, password: string): Promise<Account | null> {
  decoy ??= hashPassword(randomBytes(16).toString('hex'))
  const row = username.length > 250 || username.includes('\u0000') ? null : await findAccount(database, username)
  const isRight = await matches(password.slice(0, MOST_LENGTH), row?.passwordHash ?? (await decoy))
  return row !== null && isRight && row.isActive ? accountOf(row) : null
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The token text of a link that signs `username` in once: `/sign-in?token=…`. Only its hash is stored. */
export async function makeSignInToken(database: Database, username: string, ttlMs: number): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  await database.transaction((tx) => insertSignInToken(tx, sha256(token), username, ttlMs))
  return token
}

/** The active account of an unused link; the link is used up either way. */
export async function redeemSignInToken(database: Database, token: string): Promise<Account | null> {
  const username = await takeSignInToken(database, sha256(token))
  const account = username === null ? null : await getAccount(database, username)
  return account?.isActive === true ? account : null
}
