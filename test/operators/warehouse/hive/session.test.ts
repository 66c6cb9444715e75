// A session against a stub that is no Hive: what ends a call when the server does not. A real Hive is in test/real.

import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { HiveTarget } from '../../../../operators/warehouse/hive/connection.ts'
import { openHiveSession } from '../../../../operators/warehouse/hive/session.ts'

const stubs: Server[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const stub of stubs.splice(0)) await new Promise((resolve) => stub.close(resolve))
})

async function stub(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  stubs.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

const quiet = { info: () => undefined, debug: () => undefined }
const target = (port: number, auth: HiveTarget['auth']): HiveTarget => ({
  host: '127.0.0.1',
  port,
  login: 'lake',
  password: 'SECRET',
  database: 'default',
  auth,
  transport: 'binary',
  httpPath: '/cliservice',
  isTls: false,
  verify: true,
  ca: undefined,
  lakeUri: '',
  callTimeoutMs: 1_000,
  statementTimeoutMs: undefined,
})

test.each(['NOSASL', 'PLAIN'] as const)('with %s a closed port is an error that names the address', async (auth) => {
  const opening = openHiveSession(target(1, auth), quiet)
  await expect(opening).rejects.toThrow(/Hive at 127\.0\.0\.1:1: connect ECONNREFUSED/)
  await expect(opening).rejects.toMatchObject({ name: 'HiveUnreachableError' })
})

test.each(['NOSASL', 'PLAIN'] as const)('with %s a server that says nothing is given up, with a hint', async (auth) => {
  const port = await stub(() => undefined)
  await expect(openHiveSession(target(port, auth), quiet, 100)).rejects.toThrow(/within 0\.1 s: is extra\.auth/)
})

test('a server that hangs up ends the opening at once', async () => {
  const port = await stub((socket) => socket.once('data', () => socket.destroy()))
  await expect(openHiveSession(target(port, 'NOSASL'), quiet)).rejects.toThrow(/closed the connection|ECONNRESET/)
})

test('a refused password is told in the words of the server, without the password', async () => {
  const words = Buffer.from('Error validating the login')
  const head = Buffer.from([3, 0, 0, 0, words.length])
  const port = await stub((socket) => socket.once('data', () => socket.write(Buffer.concat([head, words]))))
  const error: unknown = await openHiveSession(target(port, 'PLAIN'), quiet).catch((reason: unknown) => reason)
  expect(String(error)).toContain('Error validating the login')
  expect(String(error)).not.toContain('SECRET')
})
