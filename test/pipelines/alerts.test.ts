// Whom the example DAGs tell.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { onCall } from '../../pipelines/alerts/index.ts'
import type { Alert } from '../../sdk/index.ts'
import { madeUpContext } from '../support/operator-context.ts'

const ALERT: Alert = {
  ...{ id: 'a1', kind: 'deadline', dagId: 'car_info', runId: null, taskId: null, mapIndex: -1, tryNumber: null },
  ...{
    text: 'car_info is late',
    reason: 'No run has succeeded.',
    logicalDate: null,
    dataInterval: null,
    timezone: 'UTC',
  },
  ...{ at: new Date(0), deadline: new Date(0), url: null },
}

test('an alert without the connection alerts_default is a line of the log that says what to add', async () => {
  const op = madeUpContext({ embeddedRoot: '/nowhere' })
  await onCall.notify(op, ALERT)
  expect(op.lines.map(({ level, message }) => [level, message])).toEqual([
    ['warn', 'car_info is late (add the connection alerts_default to be told)'],
  ])
})

test('with the connection it is one POST, with the alert’s id as its key', async () => {
  const keys: unknown[] = []
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key'])
    response.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port tells an object.
  const { port } = server.address() as AddressInfo
  const connection = { id: 'alerts_default', type: 'http', host: '127.0.0.1', port, schema: 'http' }
  try {
    await onCall.notify(madeUpContext({ embeddedRoot: '/nowhere', connections: [connection] }), ALERT)
  } finally {
    server.close()
  }
  expect(keys).toEqual(['a1'])
})
