// A connection of type kafka as options of kafkajs: Airflow keeps librdkafka's words in its extra.

import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import type { KafkaConfig, SASLOptions } from 'kafkajs'
import type { ConnectionResult } from '../../sdk/index.ts'
import { ConnectionUnusableError, readExtra } from '../connection.ts'

type Extra = Readonly<Record<string, unknown>>

const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
const MECHANISMS = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram-sha-256', 'SCRAM-SHA-512': 'scram-sha-512' } as const

const textOf = (extra: Extra, ...names: readonly string[]): string | undefined => {
  const value = names.map((name) => extra[name]).find((option) => option !== undefined && option !== '')
  return value === undefined ? undefined : String(value)
}

function brokersOf(connection: ConnectionResult, extra: Extra): readonly string[] {
  const servers = textOf(extra, 'bootstrap.servers') ?? connection.host ?? ''
  const brokers = servers
    .split(',')
    .map((server) => server.trim().replace(/^[A-Z_]+:\/\//, ''))
    .filter((server) => server !== '')
    .map((server) => (/:\d+$/.test(server) ? server : `${server}:${connection.port ?? 9092}`))
  if (brokers.length > 0) return brokers
  throw new ConnectionUnusableError(
    connection.id,
    'it names no broker: put "bootstrap.servers" into its extra, such as {"bootstrap.servers": "kafka-1:9092,kafka-2:9092"}',
  )
}

function oneOf<T extends string>(connection: ConnectionResult, name: string, value: string, known: readonly T[]): T {
  const found = known.find((option) => option === value.toUpperCase())
  if (found !== undefined) return found
  throw new ConnectionUnusableError(
    connection.id,
    `its extra's "${name}" must be one of ${known.join(', ')}, found ${value}`,
  )
}

function saslOf(connection: ConnectionResult, extra: Extra): SASLOptions {
  const given = textOf(extra, 'sasl.mechanism', 'sasl.mechanisms') ?? 'PLAIN'
  // Object.keys forgets which keys they are.
  const names = Object.keys(MECHANISMS) as readonly (keyof typeof MECHANISMS)[]
  const mechanism = MECHANISMS[oneOf(connection, 'sasl.mechanism', given, names)]
  const username = textOf(extra, 'sasl.username') ?? connection.login ?? ''
  const password = textOf(extra, 'sasl.password') ?? connection.password ?? ''
  if (username === '')
    throw new ConnectionUnusableError(
      connection.id,
      'its security.protocol is SASL, so it needs a login and a password (or "sasl.username", "sasl.password" in its extra)',
    )
  return { mechanism, username, password }
}

async function pemOf(connection: ConnectionResult, extra: Extra, name: string): Promise<string | undefined> {
  const path = textOf(extra, name)
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ConnectionUnusableError(
      connection.id,
      `its extra's "${name}" names a file that cannot be read: ${path}`,
      {
        cause,
      },
    )
  }
}

async function tlsOf(connection: ConnectionResult, extra: Extra): Promise<ConnectionOptions> {
  const ca = await pemOf(connection, extra, 'ssl.ca.location')
  const cert = await pemOf(connection, extra, 'ssl.certificate.location')
  const key = await pemOf(connection, extra, 'ssl.key.location')
  const isVerified = textOf(extra, 'enable.ssl.certificate.verification')?.toLowerCase() !== 'false'
  const namesHosts = textOf(extra, 'ssl.endpoint.identification.algorithm') !== 'none'
  return {
    rejectUnauthorized: isVerified,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(!namesHosts && { checkServerIdentity: () => undefined }),
  }
}

/**
 * Read from the extra: `bootstrap.servers` (else the host, a comma list is fine, and the port), `security.protocol`, `sasl.mechanism`,
 * `sasl.username`, `sasl.password` (else login and password), `ssl.ca.location`, `ssl.certificate.location`, `ssl.key.location`,
 * `enable.ssl.certificate.verification`, `ssl.endpoint.identification.algorithm`.
 * @throws ConnectionUnusableError
 */
export async function kafkaConfigOf(
  connection: ConnectionResult,
): Promise<Pick<KafkaConfig, 'ssl' | 'sasl'> & { readonly brokers: readonly string[] }> {
  const extra = readExtra(connection)
  const protocol = oneOf(connection, 'security.protocol', textOf(extra, 'security.protocol') ?? 'PLAINTEXT', PROTOCOLS)
  return {
    brokers: brokersOf(connection, extra),
    ...(protocol.startsWith('SASL') && { sasl: saslOf(connection, extra) }),
    ...(protocol.endsWith('SSL') && { ssl: await tlsOf(connection, extra) }),
  }
}
