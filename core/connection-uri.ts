// A Connection as URI or JSON: Airflow's two texts for `AIRFLOW_CONN_X` and for export.

import { BaramError } from './errors.ts'

export interface ConnectionFields {
  readonly connType: string
  readonly host: string | null
  readonly schema: string | null
  readonly login: string | null
  readonly password: string | null
  readonly port: number | null
  /** JSON text. */
  readonly extra: string | null
}

function part(text: string): string | null {
  if (text === '') return null
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    // The text itself may be a secret: it is not told.
    throw new BaramError('INPUT_INVALID', 'a connection URI has a % that begins no escape; write %25 for it', { cause })
  }
}

/** `type://login:password@host:port/schema?param=…&__extra__=<json>`; `-` in the type stands for `_`. */
export function parseConnectionUri(uri: string): ConnectionFields {
  const match =
    /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?(.*))?$/.exec(
      uri,
    )
  if (match === null)
    throw new BaramError(
      'INPUT_INVALID',
      'a connection URI must look like type://login:password@host:port/schema?param=value',
    )
  const [, type = '', login = '', password = '', host = '', port = '', schema = '', query = ''] = match
  return {
    connType: type.toLowerCase().replaceAll('-', '_'),
    host: part(host),
    schema: part(schema),
    login: part(login),
    password: part(password),
    port: port === '' ? null : checkPort(port),
    extra: parseExtra(query),
  }
}

function checkPort(given: unknown): number {
  const port = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new BaramError('INPUT_INVALID', `a port is a whole number from 0 to 65535, found ${JSON.stringify(given)}`)
  return port
}

function parseExtra(query: string): string | null {
  if (query === '') return null
  const fields = [...new URLSearchParams(query)]
  const whole = fields.find(([key]) => key === '__extra__')
  return whole === undefined ? JSON.stringify(Object.fromEntries(fields)) : whole[1]
}

/** The URI form of a Connection. */
export function formatConnectionUri(connection: ConnectionFields): string {
  const encode = (text: string | null) => (text === null ? '' : encodeURIComponent(text))
  const login =
    connection.login === null && connection.password === null
      ? ''
      : `${encode(connection.login)}${connection.password === null ? '' : `:${encode(connection.password)}`}@`
  const port = connection.port === null ? '' : `:${connection.port}`
  const schema = connection.schema === null ? '' : `/${encode(connection.schema)}`
  const extra =
    connection.extra === null ? '' : `${schema === '' ? '/' : ''}?__extra__=${encodeURIComponent(connection.extra)}`
  return `${connection.connType.replaceAll('_', '-')}://${login}${encode(connection.host)}${port}${schema}${extra}`
}

const textOf = (value: unknown, key: string): string | null => {
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string')
    throw new BaramError('INPUT_INVALID', `${key} of a connection must be text, found ${typeof value}`)
  return value
}

/** A parsed JSON connection with Airflow's keys (conn_type, host, login, password, schema, port, extra). */
export function readConnectionObject(value: unknown): ConnectionFields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BaramError('INPUT_INVALID', 'a connection must be a JSON object')
  const fields = value as Record<string, unknown>
  const connType = textOf(fields['conn_type'], 'conn_type')
  if (connType === null) throw new BaramError('INPUT_INVALID', 'a connection needs conn_type')
  const { extra, port } = fields
  return {
    connType,
    host: textOf(fields['host'], 'host'),
    schema: textOf(fields['schema'], 'schema'),
    login: textOf(fields['login'], 'login'),
    password: textOf(fields['password'], 'password'),
    port: port === undefined || port === null || port === '' ? null : checkPort(port),
    extra: extra !== null && typeof extra === 'object' ? JSON.stringify(extra) : textOf(extra, 'extra'),
  }
}

/** Either form, as it stands in an environment variable. */
export function parseConnectionText(text: string): ConnectionFields {
  const trimmed = text.trim()
  if (!trimmed.startsWith('{')) return parseConnectionUri(trimmed)
  let value: unknown
  try {
    value = JSON.parse(trimmed)
  } catch (cause) {
    throw new BaramError('INPUT_INVALID', 'a connection that starts with { must be JSON', { cause })
  }
  return readConnectionObject(value)
}
