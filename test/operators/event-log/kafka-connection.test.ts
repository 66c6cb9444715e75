import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConnectionUnusableError } from '../../../operators/connection.ts'
import { EventLogError, ProducerFencedError } from '../../../operators/event-log/event-log.ts'
import { explained } from '../../../operators/event-log/kafka-client.ts'
import { kafkaConfigOf } from '../../../operators/event-log/kafka-connection.ts'
import { removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

const connection = (extra: object, more: object = {}) => ({
  id: 'kafka_default',
  type: 'kafka',
  extra: JSON.stringify(extra),
  ...more,
})

describe('a connection of type kafka', () => {
  test.each([
    [connection({ 'bootstrap.servers': 'a:9092, b:9093' }), ['a:9092', 'b:9093']],
    [connection({ 'bootstrap.servers': 'PLAINTEXT://a:9092' }), ['a:9092']],
    [connection({}, { host: 'a,b:9093', port: 19092 }), ['a:19092', 'b:9093']],
    [connection({}, { host: 'a' }), ['a:9092']],
  ])('%o names its brokers', async (given, brokers) => {
    expect(await kafkaConfigOf(given)).toEqual({ brokers })
  })

  test('logs in by its extra, or by login and password', async () => {
    const sasl = {
      'bootstrap.servers': 'a:1',
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': 'SCRAM-SHA-512',
    }
    expect(await kafkaConfigOf(connection({ ...sasl, 'sasl.username': 'u', 'sasl.password': 'p' }))).toEqual({
      brokers: ['a:1'],
      sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p' },
    })
    expect((await kafkaConfigOf(connection(sasl, { login: 'l', password: 'q' }))).sasl).toMatchObject({ username: 'l' })
  })

  test('verifies certificates unless told otherwise', async () => {
    const ca = join(await temporaryFolder(), 'ca.pem')
    await writeFile(ca, 'PEM')
    const ssl = { 'bootstrap.servers': 'a:1', 'security.protocol': 'SSL' }
    expect((await kafkaConfigOf(connection({ ...ssl, 'ssl.ca.location': ca }))).ssl).toEqual({
      rejectUnauthorized: true,
      ca: 'PEM',
    })
    const lax = connection({ ...ssl, 'enable.ssl.certificate.verification': 'false' })
    expect((await kafkaConfigOf(lax)).ssl).toEqual({ rejectUnauthorized: false })
  })

  test.each([
    [{}, /bootstrap.servers/],
    [{ 'bootstrap.servers': 'a', 'security.protocol': 'TLS' }, /must be one of PLAINTEXT, SSL.*found TLS/],
    [{ 'bootstrap.servers': 'a', 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'GSSAPI' }, /found GSSAPI/],
    [{ 'bootstrap.servers': 'a', 'security.protocol': 'SASL_SSL' }, /needs a login/],
    [{ 'bootstrap.servers': 'a', 'security.protocol': 'SSL', 'ssl.ca.location': '/nowhere.pem' }, /cannot be read/],
  ])('with extra %o is refused with a reason', async (extra, reason) => {
    const reading = kafkaConfigOf(connection(extra))
    await expect(reading).rejects.toThrow(ConnectionUnusableError)
    await expect(reading).rejects.toThrow(reason)
  })
})

describe('an error of kafkajs', () => {
  const error = (fields: object) => Object.assign(new Error('it failed'), { name: 'KafkaJSProtocolError' }, fields)

  test.each([
    [{ type: 'UNKNOWN_TOPIC_OR_PARTITION' }, /make it with ensureTopic/],
    [{ code: 'ENOTFOUND' }, /not known on this host/],
    [{ name: 'KafkaJSSASLAuthenticationError' }, /check the connection's security.protocol/],
    [{ type: 'TOPIC_AUTHORIZATION_FAILED' }, /may not do that/],
  ])('like %o says what to do', (fields, hint) => {
    const told = explained(new Error('wrapped', { cause: error(fields) }), 'sending')
    expect(told).toBeInstanceOf(EventLogError)
    expect(String(told)).toMatch(hint)
  })

  test('that means a newer producer is a fence', () => {
    expect(explained(error({ type: 'INVALID_PRODUCER_EPOCH' }), 'sending', 'work')).toBeInstanceOf(ProducerFencedError)
    expect(explained(error({ message: 'Unknown error code 90' }), 'x', 'work')).toBeInstanceOf(ProducerFencedError)
  })

  test('that is not of Kafka stays what it is', () => {
    const own = new TypeError('x')
    expect(explained(own, 'sending')).toBe(own)
  })
})
