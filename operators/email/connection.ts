// A connection of type smtp: Airflow's words for where and how to hand in mail.

import type { ConnectionResult, OperatorContext } from '../../sdk/index.ts'
import { ConnectionUnusableError, readExtra } from '../connection.ts'

export interface SmtpSettings {
  readonly connId: string
  readonly host: string
  readonly port: number
  /** `tls` from the first byte, `starttls` before anything is told, or `none`. */
  readonly security: 'tls' | 'starttls' | 'none'
  /** Whether the server's certificate must be right. */
  readonly isVerified: boolean
  readonly login: { readonly user: string; readonly pass: string } | null
  /** Milliseconds: for connecting, and for each answer. */
  readonly timeoutMs: number
  /** How often connecting is tried again. */
  readonly retryLimit: number
  /** Who mail is from unless the task says so. */
  readonly fromEmail: string | null
}

type Extra = Readonly<Record<string, unknown>>

function flag(connId: string, extra: Extra, field: string): boolean {
  const value = extra[field] ?? false
  if (value === true || value === 'true') return true
  if (value === false || value === 'false' || value === '') return false
  throw new ConnectionUnusableError(connId, `its extra.${field} must be true or false, found ${JSON.stringify(value)}`)
}

function number(connId: string, extra: Extra, field: string, or: number): number {
  const value = Number(extra[field] ?? or)
  if (Number.isFinite(value) && value >= 0) return value
  throw new ConnectionUnusableError(
    connId,
    `its extra.${field} must be a number, found ${JSON.stringify(extra[field])}`,
  )
}

function securityOf(connId: string, extra: Extra): SmtpSettings['security'] {
  if (!flag(connId, extra, 'disable_ssl')) return 'tls'
  return flag(connId, extra, 'disable_tls') ? 'none' : 'starttls'
}

function loginOf({ id, login, password }: ConnectionResult, extra: Extra): SmtpSettings['login'] {
  const type = extra['auth_type'] ?? 'basic'
  if (type !== 'basic')
    throw new ConnectionUnusableError(id, `its extra.auth_type must be basic, found ${JSON.stringify(type)}`)
  // As Airflow: who gives only one of them is not signed in.
  return login && password ? { user: login, pass: password } : null
}

/** @throws ConnectionUnusableError when it is missing or cannot be used */
export async function smtpSettings(op: Pick<OperatorContext, 'client'>, connId: string): Promise<SmtpSettings> {
  const connection = await op.client.getConnection(connId)
  if (connection === null)
    throw new ConnectionUnusableError(connId, 'there is none: add it, of type smtp, with host, login and password')
  if (connection.type !== 'smtp')
    throw new ConnectionUnusableError(connId, `it must be of type smtp, found ${connection.type}`)
  if (!connection.host) throw new ConnectionUnusableError(connId, 'it needs a host, the server that takes mail')
  const extra = readExtra(connection)
  const { ssl_context: context = 'default', from_email: from } = extra
  if (context !== 'default' && context !== 'none')
    throw new ConnectionUnusableError(
      connId,
      `its extra.ssl_context must be "default" or "none", found ${JSON.stringify(context)}`,
    )
  const security = securityOf(connId, extra)
  return {
    connId,
    host: connection.host,
    // Python's ports, which Airflow leaves to it.
    port: connection.port ?? (security === 'tls' ? 465 : 25),
    security,
    isVerified: context === 'default',
    login: loginOf(connection, extra),
    timeoutMs: number(connId, extra, 'timeout', 30) * 1_000,
    retryLimit: Math.floor(number(connId, extra, 'retry_limit', 5)),
    fromEmail: typeof from === 'string' && from !== '' ? from : null,
  }
}
