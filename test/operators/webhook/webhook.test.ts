// Alerts to a real server in this process: what arrives, and how each answer ends.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type WebhookOptions, webhook } from '../../../operators/webhook/webhook.ts'
import { type ConnectionResult, FailTask } from '../../../sdk/index.ts'
import { madeUpContext } from '../../support/made-up-context.ts'
import { startWebhookServer, type WebhookServer } from '../../support/webhook-server.ts'
import { ALERT } from '../alert.ts'

let server: WebhookServer
beforeAll(async () => {
  server = await startWebhookServer()
})
beforeEach(() => {
  server.received.length = 0
  server.answers.clear()
})
afterAll(() => server.stop())

const connection = (more: Partial<ConnectionResult> = {}): ConnectionResult => {
  const { hostname, port } = new URL(server.url)
  return { id: 'hook', type: 'http', host: hostname, port: Number(port), ...more }
}
const send = async (options: Partial<WebhookOptions> = {}, more: Partial<ConnectionResult> = {}) =>
  webhook({ connId: 'hook', ...options }).notify(
    madeUpContext({ embeddedRoot: '/nowhere', connections: [connection(more)] }),
    ALERT,
  )

describe('a webhook', () => {
  it('posts the alert as JSON, with its id as the key of the request', async () => {
    await send()
    expect(server.received).toEqual([
      {
        path: '/',
        key: '0193-alert',
        authorization: undefined,
        body: {
          ...ALERT,
          logicalDate: '2026-03-01T00:00:00.000Z',
          dataInterval: { start: '2026-03-01T00:00:00.000Z', end: '2026-03-01T01:00:00.000Z' },
          at: '2026-03-01T01:02:03.000Z',
        },
      },
    ])
  })

  it('posts what the author makes of it, to a path with the secret of its connection', async () => {
    await send({ path: '/bot{password}/send', body: ({ text }) => ({ text }) }, { password: '12:ab', login: 'x' })
    expect(server.received).toMatchObject([
      { path: '/bot12:ab/send', authorization: undefined, body: { text: ALERT.text } },
    ])
  })

  it('signs in as its connection says, when the path names no password', async () => {
    await send({ path: '/in' }, { login: 'kim', password: 'pass' })
    expect(server.received[0]?.authorization).toBe(`Basic ${Buffer.from('kim:pass').toString('base64')}`)
  })

  it.each([
    [400, true],
    [404, true],
    [408, false],
    [429, false],
    [500, false],
    [302, false],
  ])('answered %i fails; for good: %s', async (status, isLasting) => {
    server.answers.set('/x/the-secret', status)
    const failure = await send({ path: '/x/{password}' }, { password: 'the-secret' }).then(
      () => null,
      (error: unknown) => error,
    )
    expect(failure instanceof FailTask).toBe(isLasting)
    expect(String(failure)).toContain(`connection hook: the receiver answered ${status}: no`)
    expect(String(failure)).not.toContain('the-secret')
  })

  it('that is not reached names its connection, not its address', async () => {
    const gone = send({ path: '/x/{password}' }, { password: 'the-secret', port: 1 })
    await expect(gone).rejects.toThrow(/^connection hook: no answer \(HttpUnreachableError: .*ECONNREFUSED/)
    await expect(gone).rejects.not.toThrow('the-secret')
  })

  it('that hangs is given up after its time', async () => {
    server.answers.set('/', 'hang')
    await expect(send({ timeout: 0.05 })).rejects.toThrow('connection hook: no answer (HttpTimedOutError)')
  })

  it('without its connection, or without the password its path names, says so', async () => {
    const bare = madeUpContext({ embeddedRoot: '/nowhere' })
    await expect(webhook({ connId: 'hook' }).notify(bare, ALERT)).rejects.toThrow('connection hook: there is none')
    await expect(send({ path: '/{password}' })).rejects.toThrow('it needs a password: the path /{password} names it')
  })
})

it.each([
  [{ connId: '' }, 'connId must name a connection'],
  [
    { connId: 'x', path: 'https://hooks.slack.com/T/B/x' },
    'path must be a path; the server belongs into the connection',
  ],
  [{ connId: 'x', body: { text: 1 } }, 'body must be a function'],
  [{ connId: 'x', timeout: 0 }, 'timeout must be 0 to 600 seconds'],
])('%j is refused while the DAG is read', (options, message) => {
  expect(() => webhook(options as WebhookOptions)).toThrow(message)
})
