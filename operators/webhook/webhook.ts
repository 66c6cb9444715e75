// Alerts to a web address: one POST of JSON, told which alert it is, so that a receiver can drop what it has seen.

import {
  type Alert,
  type ConnectionResult,
  defineNotifier,
  FailTask,
  type JsonValue,
  type Notifier,
  type NotifierContext,
} from '../../sdk/index.ts'
import { systemClock } from '../clock.ts'
import { ConnectionUnusableError } from '../connection.ts'
import type { HttpAnswer } from '../http/answer.ts'
import { HttpClient } from '../http/client.ts'
import { targetOf } from '../http/connection.ts'

export interface WebhookOptions {
  /** Connection of type http. What is secret about the address belongs into its password. */
  readonly connId: string
  /**
   * Path below the connection's address. `{password}` in it is the connection's password, which is then sent nowhere else:
   * `/services/{password}`. Default: the address itself; a password then signs in, as `openHttp` has it.
   */
  readonly path?: string
  /** What is sent, made of the alert. Default: `alertBody`. */
  readonly body?: (alert: Alert) => JsonValue
  /** Over those of the connection. Never a secret: it would stand in the DAG file. Default: none. */
  readonly headers?: Readonly<Record<string, string>>
  /** Seconds for the request. Default 10. */
  readonly timeout?: number
}

const PASSWORD = '{password}'

/** The alert as JSON: its own names, instants as ISO UTC text. */
export function alertBody(alert: Alert): JsonValue {
  const { dataInterval, logicalDate, at, deadline, ...rest } = alert
  return {
    ...rest,
    logicalDate: logicalDate?.toISOString() ?? null,
    dataInterval:
      dataInterval === null ? null : { start: dataInterval.start.toISOString(), end: dataInterval.end.toISOString() },
    at: at.toISOString(),
    deadline: deadline?.toISOString() ?? null,
  }
}

/** @throws Error while the DAG is read */
function checkOptions({ connId, path, body, timeout }: WebhookOptions): void {
  if (typeof connId !== 'string' || connId === '')
    throw new Error('webhook: connId must name a connection of type http')
  if (path !== undefined && (typeof path !== 'string' || /^https?:/i.test(path)))
    throw new Error(
      'webhook: path must be a path; the server belongs into the connection, as what is secret of the address',
    )
  if (body !== undefined && typeof body !== 'function') throw new Error('webhook: body must be a function of the alert')
  if (timeout !== undefined && !(timeout > 0 && timeout <= 600))
    throw new Error('webhook: timeout must be 0 to 600 seconds')
}

function fillPath(
  connection: ConnectionResult,
  path: string,
): { readonly endpoint: string; readonly by: ConnectionResult } {
  if (!path.includes(PASSWORD)) return { endpoint: path, by: connection }
  if (!connection.password)
    throw new ConnectionUnusableError(connection.id, `it needs a password: the path ${path} names it`)
  // As it stands: the parts of a secret address may have slashes between them.
  return {
    endpoint: path.replaceAll(PASSWORD, connection.password),
    by: { ...connection, login: null, password: null },
  }
}

/** A 4xx says that the request is wrong: it is wrong the next time too. Too many, or too slow, is not. */
const isLasting = (status: number) => status >= 400 && status < 500 && status !== 408 && status !== 429

/** Longest answer that is quoted, characters. */
const QUOTED = 200

async function post(op: NotifierContext, options: WebhookOptions, alert: Alert): Promise<void> {
  const { connId, path = '', body = alertBody, headers = {}, timeout = 10 } = options
  const connection = await op.client.getConnection(connId)
  if (connection === null)
    throw new ConnectionUnusableError(
      connId,
      'there is none: add it, of type http, with host and schema of the receiver',
    )
  const { endpoint, by } = fillPath(connection, path)
  const client = new HttpClient(
    await targetOf(op, by),
    op.signal,
    { timeout, redirects: 'none', maxBytes: 1_048_576 },
    systemClock,
  )
  try {
    const key = { 'idempotency-key': alert.id }
    const asked = { method: 'POST', endpoint, json: body(alert), headers: { ...key, ...headers } }
    judge(connId, await client.request(asked).catch((error: unknown) => refuseAs(connId, error)))
  } finally {
    await client.close()
  }
}

/** @throws Error, FailTask */
function judge(connId: string, { status, body }: HttpAnswer): void {
  if (status >= 200 && status < 300) return
  const said = body.toString('utf8').slice(0, QUOTED)
  const message = `connection ${connId}: the receiver answered ${status}${said === '' ? '' : `: ${said}`}`
  throw isLasting(status) ? new FailTask(message) : new Error(message)
}

/** The address may be the secret: an error names its connection instead. */
function refuseAs(connId: string, error: unknown): never {
  const { name, cause } = error instanceof Error ? error : new Error(String(error))
  const why = cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : ''
  throw new Error(`connection ${connId}: no answer (${name}${why})`)
}

/**
 * Sends an alert to a web address: POST of JSON with the header `Idempotency-Key`, the alert's `id`. Delivered at least once;
 * an answer of 4xx but 408 and 429 is not tried again.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function webhook(options: WebhookOptions): Notifier {
  checkOptions(options)
  return defineNotifier({ kind: 'webhook', notify: (op, alert) => post(op, options, alert) })
}
