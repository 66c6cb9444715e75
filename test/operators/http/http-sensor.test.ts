// Waiting for an answer, and answers that must fit a schema.

import { describe, expect, test } from 'vitest'
import { HttpStatusError, HttpUnreachableError } from '../../../operators/http/errors.ts'
import { http } from '../../../operators/http/http.ts'
import { type HttpSensorOptions, httpSensor } from '../../../operators/http/http-sensor.ts'
import type { JsonValue } from '../../../sdk/index.ts'
import { type TaskDeferred, TaskRescheduled } from '../../../sdk/signals.ts'
import { madeUpContext } from '../../support/operator-context.ts'
import { closeServersAfterEach, json, reply, scripted, type TestServer } from './server.ts'

closeServersAfterEach()

const contextOf = (server: TestServer) =>
  madeUpContext({ embeddedRoot: '/nowhere', connections: [server.connection()], triedAt: new Date() })
const look = async (server: TestServer, options: HttpSensorOptions<JsonValue> = {}) =>
  httpSensor({ mode: 'reschedule', ...options }).execute(contextOf(server), {})

describe('the sensor', () => {
  test('is done with the first right answer', async () => {
    const server = await scripted(reply(404), json({ ready: false }), json({ ready: true, file: 'x' }))
    const read = (answer: { json(): unknown }) => answer.json() as { ready: boolean; file: string }
    const options = {
      endpoint: '/state',
      responseCheck: (answer: { json(): unknown }) => read(answer).ready,
      responseFilter: (answer: { json(): unknown }) => read(answer).file,
    }
    await expect(look(server, options)).rejects.toThrow(TaskRescheduled)
    await expect(look(server, options)).rejects.toThrow(TaskRescheduled)
    expect(await look(server, options)).toBe('x')
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(3).fill('GET /state'))
  })

  test('takes a busy server for one that is not ready yet, and other errors for errors', async () => {
    const busy = await scripted(
      reply(503, '', { 'retry-after': '9' }),
      reply(500),
      (request) => void request.socket.destroy(),
    )
    await expect(look(busy)).rejects.toThrow(TaskRescheduled)
    await expect(look(busy)).rejects.toThrow(HttpStatusError)
    await expect(look(busy)).rejects.toThrow(HttpUnreachableError)
    await expect(look(await scripted(reply(404)), { responseErrorCodesAllowlist: [] })).rejects.toThrow(HttpStatusError)
  })

  test('waits in the triggerer with the request that was rendered', async () => {
    const server = await scripted(reply(404), json(1))
    const operator = httpSensor({ endpoint: '{{unrendered}}', deferrable: true })
    const op = contextOf(server)
    const deferred = await Promise.resolve(operator.execute(op, {}, { ...operator.options, endpoint: '/day' })).catch(
      (error: unknown) => error,
    )
    const { wait } = deferred as TaskDeferred
    const [trigger] = operator.triggers ?? []
    if (wait.kind !== 'trigger' || trigger === undefined) throw new Error('expected a wait for the trigger')
    const event = await trigger.run({ ...op, sleep: () => Promise.resolve() }, wait.args)
    expect(await operator.resume?.(op, event, {}, operator.options)).toBeUndefined()
    expect(server.seen.map(({ url }) => url)).toEqual(['/day', '/day'])
  })
})

describe('a schema', () => {
  const schema = {
    type: 'object',
    required: ['rows'],
    properties: {
      rows: { type: 'array', items: { type: 'object', required: ['won'], properties: { won: { type: 'integer' } } } },
    },
  }
  const ask = async (value: unknown) => {
    const server = await scripted(json(value))
    return http({ schema }).execute(contextOf(server), {})
  }

  test('lets an answer through that fits', async () => {
    expect(await ask({ rows: [{ won: 1 }] })).toEqual({ rows: [{ won: 1 }] })
  })

  test('refuses one that does not, telling where', async () => {
    await expect(ask({ rows: [{ won: 1 }, { won: 'many' }] })).rejects.toThrow(
      /does not fit its schema: .*rows\/1\/won.*integer/,
    )
    await expect(ask([])).rejects.toThrow(/does not fit its schema/)
  })
})
