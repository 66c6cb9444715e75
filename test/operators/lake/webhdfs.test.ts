// WebHDFS against a stub that answers as scripted: what a real HDFS cannot be made to do at will (test/real has the rest).

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { ConnectionUnusableError } from '../../../operators/connection.ts'
import type { Lake } from '../../../operators/lake/lake.ts'
import { openLake } from '../../../operators/lake/open.ts'
import { type MadeUpContext, madeUpContext } from '../../support/operator-context.ts'

type Script = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void

interface Stub {
  readonly address: string
  /** `GETFILESTATUS /a`, in order. */
  readonly asked: string[]
}

const stubs: Server[] = []
afterEach(async () => {
  for (const stub of stubs.splice(0)) {
    stub.closeAllConnections()
    await new Promise((resolve) => stub.close(resolve))
  }
})

async function stub(script: Script): Promise<Stub> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://stub')
    asked.push(
      `${url.searchParams.get('op')?.toUpperCase()} ${decodeURIComponent(url.pathname.replace('/webhdfs/v1', ''))}`,
    )
    script(request, response, url.searchParams)
  })
  stubs.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the stub listens on no port')
  return { address: `127.0.0.1:${address.port}`, asked }
}

const json = (response: ServerResponse, status: number, body: unknown) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const exception = (name: string, message: string) => ({
  RemoteException: { exception: name, javaClassName: `org.apache.hadoop.${name}`, message },
})
const standby: Script = (_, response) =>
  json(response, 403, exception('StandbyException', 'Operation category READ is not supported in state standby'))
const file = { type: 'FILE', length: 3, pathSuffix: '', fileId: 7 }
const serving: Script = (_, response) => json(response, 200, { FileStatus: file })
const silent: Script = () => undefined

async function open(
  hosts: readonly string[],
  extra: Readonly<Record<string, unknown>> = {},
): Promise<{ lake: Lake; op: MadeUpContext }> {
  const connection = {
    id: 'hdfs_default',
    type: 'webhdfs',
    host: hosts.join(','),
    login: 'lake',
    extra: JSON.stringify({ timeout: 5, failover_timeout: 5, ...extra }),
  }
  const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [connection] })
  return { lake: await openLake(op, 'hdfs_default'), op }
}

async function* bytes(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

test('a standby is passed over, the one that serves is remembered, and the log says so once', async () => {
  const [first, second] = [await stub(standby), await stub(serving)]
  const { lake, op } = await open([first.address, second.address])
  expect(await lake.stat('/쌀 값')).toEqual({ path: '/쌀 값', kind: 'file', length: 3 })
  expect(await lake.stat('/b')).not.toBeNull()
  expect(first.asked).toEqual(['GETFILESTATUS /쌀 값'])
  expect(second.asked).toEqual(['GETFILESTATUS /쌀 값', 'GETFILESTATUS /b'])
  expect(op.lines).toHaveLength(1)
  expect(op.lines[0]).toMatchObject({ level: 'warn', message: 'NameNode does not serve: asking the next' })
  expect(op.lines[0]?.fields).toMatchObject({ nameNode: first.address, next: second.address })
  expect(JSON.stringify(op.lines[0])).toContain('StandbyException')
})

test('a closed port is passed over too', async () => {
  const serves = await stub(serving)
  const { lake } = await open(['127.0.0.1:1', serves.address])
  expect(await lake.stat('/a')).not.toBeNull()
})

test('a failover that takes a while is waited for', async () => {
  let asked = 0
  const wakingUp = await stub((request, response, query) => {
    asked += 1
    ;(asked < 4 ? standby : serving)(request, response, query)
  })
  const { lake } = await open([(await stub(standby)).address, wakingUp.address])
  expect(await lake.stat('/a')).not.toBeNull()
  expect(asked).toBe(4)
})

test('when none serves within the limit, the last refusal is told', async () => {
  const hosts = [(await stub(standby)).address, (await stub(standby)).address]
  const { lake } = await open(hosts, { failover_timeout: 0.2 })
  await expect(lake.stat('/a')).rejects.toMatchObject({
    name: 'WebHdfsError',
    status: 403,
    exception: 'StandbyException',
  })
})

test('one NameNode alone is not waited for', async () => {
  const { lake } = await open(['127.0.0.1:1'])
  await expect(lake.stat('/a')).rejects.toThrow(/GETFILESTATUS \/a at 127\.0\.0\.1:1: no answer: connect ECONNREFUSED/)
  const only = await stub(standby)
  await expect((await open([only.address])).lake.stat('/a')).rejects.toThrow('StandbyException')
  expect(only.asked).toHaveLength(1)
})

test.each([
  ['stat', (lake: Lake) => lake.stat('/a')],
  ['list', (lake: Lake) => lake.list('/a')],
  ['read', (lake: Lake) => lake.read('/a')],
  ['checksum', (lake: Lake) => lake.checksum('/a')],
  ['write', (lake: Lake) => lake.write('/a', bytes('x'))],
  ['delete', (lake: Lake) => lake.delete('/a')],
  ['mkdirs', (lake: Lake) => lake.mkdirs('/a')],
  ['rename', (lake: Lake) => lake.rename('/a', '/b')],
] as const)('a server that says nothing ends %s by the time limit', async (_name, call) => {
  const { lake } = await open([(await stub(silent)).address], { timeout: 0.1 })
  await expect(call(lake)).rejects.toThrow(/nothing moved for 0\.1 s/)
})

test('a rename whose answer was lost in a failover is found to be done', async () => {
  let isMoved = false
  const dying = await stub((request, response, query) => {
    if (query.get('op') !== 'RENAME') return serving(request, response, query)
    isMoved = true
    return void response.destroy()
  })
  const next = await stub((_, response, query) => {
    if (query.get('op') === 'RENAME')
      return json(response, 404, exception('FileNotFoundException', 'rename source /a is not found.'))
    return json(response, 200, { FileStatus: file })
  })
  const { lake } = await open([dying.address, next.address])
  expect(await lake.rename('/a', '/b')).toBe(true)
  expect(isMoved).toBe(true)
  expect(next.asked).toEqual(['RENAME /a', 'GETFILESTATUS /b'])
})

test('a rename that somebody else made is not taken for ours', async () => {
  const dying = await stub((request, response, query) =>
    query.get('op') === 'RENAME' ? void response.destroy() : serving(request, response, query),
  )
  const next = await stub((_, response, query) =>
    query.get('op') === 'RENAME'
      ? json(response, 404, exception('FileNotFoundException', 'rename source /a is not found.'))
      : json(response, 200, { FileStatus: { ...file, fileId: 8 } }),
  )
  const { lake } = await open([dying.address, next.address])
  expect(await lake.rename('/a', '/b')).toBe(false)
})

test('a write that finds a standby begins anew at the next NameNode, with every byte', async () => {
  const received: string[] = []
  const dataNode = await stub(async (request, response) => {
    received.push(await text(request))
    response.writeHead(201).end()
  })
  const first = await stub((request, response, query) =>
    query.get('op')?.toUpperCase() === 'CREATE' ? standby(request, response, query) : serving(request, response, query),
  )
  const second = await stub((_, response, query) => {
    if (query.get('op')?.toUpperCase() === 'CREATE')
      response.writeHead(307, { location: `http://${dataNode.address}/webhdfs/v1/x?op=CREATE` }).end()
    else if (query.get('op') === 'RENAME') response.writeHead(200).end()
    else json(response, 200, { FileStatus: file })
  })
  const { lake } = await open([first.address, second.address])
  expect(await lake.write('/a', bytes('one ', 'two ', 'three'))).toBe(13)
  expect(received).toEqual(['one two three'])
})

test('a DataNode that breaks off an upload fails the write, and nobody else is sent the rest', async () => {
  const dataNode = await stub((request, response) => void request.once('data', () => response.destroy()))
  const nameNode: Script = (request, response, query) =>
    query.get('op')?.toUpperCase() === 'CREATE'
      ? void response.writeHead(307, { location: `http://${dataNode.address}/webhdfs/v1/x?op=CREATE` }).end()
      : query.get('op')?.toUpperCase() === 'DELETE'
        ? json(response, 200, { boolean: true })
        : serving(request, response, query)
  const [first, second] = [await stub(nameNode), await stub(nameNode)]
  const { lake } = await open([first.address, second.address])
  await expect(lake.write('/a', bytes('one', 'two'))).rejects.toMatchObject({ name: 'WebHdfsUnreachableError' })
  expect(dataNode.asked).toHaveLength(1)
  expect(second.asked).toEqual([])
})

test.each([
  [507, exception('DSQuotaExceededException', 'The DiskSpace quota is exceeded'), 'DSQuotaExceededException'],
  [503, 'down for maintenance', 'this is no answer of WebHDFS'],
])('a DataNode that answers an upload with %i has not taken it', async (status, body, expected) => {
  const dataNode = await stub(
    (request, response) => void request.resume().once('end', () => json(response, status, body)),
  )
  const nameNode = await stub((_, response, query) =>
    query.get('op')?.toUpperCase() === 'CREATE'
      ? void response.writeHead(307, { location: `http://${dataNode.address}/webhdfs/v1/x?op=CREATE` }).end()
      : json(response, 200, { boolean: true }),
  )
  const { lake } = await open([nameNode.address])
  await expect(lake.write('/a', bytes('one'))).rejects.toThrow(expected)
})

test('half a file is an error, not an end', async () => {
  const { lake } = await open([
    (
      await stub((_, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('half')
        setImmediate(() => response.destroy())
      })
    ).address,
  ])
  const reading = lake.read('/a').then((stream) => text(stream))
  await expect(reading).rejects.toThrow(/broke off after 4 of 100 bytes|no answer/)
})

test.each([
  [200, 'null', /expected/],
  [200, '<html>a proxy</html>', /expected JSON/],
  [200, '{"FileStatus":{"type":"SOCKET"}}', /expected a FileStatus/],
  [502, '<html>bad gateway</html>', /HTTP 502.*no answer of WebHDFS/],
  [500, '', /HTTP 500/],
])('an answer %i %j is an error that says what was found', async (status, body, expected) => {
  const { lake } = await open([(await stub((_, response) => void response.writeHead(status).end(body))).address])
  await expect(lake.stat('/a')).rejects.toThrow(expected)
})

test('a token never stands in an error, not even when the server repeats it', async () => {
  const token = 'SECRETTOKEN'
  const repeating = await stub((request, response) =>
    json(response, 401, exception('SecurityException', `cannot read ${request.url}`)),
  )
  const { lake } = await open([repeating.address], { delegation_token: token })
  for (const call of [lake.stat('/a'), lake.rename('/a', '/b'), lake.read('/a')]) {
    const error: unknown = await call.catch((reason: unknown) => reason)
    expect(String(error)).toContain('***')
    expect(`${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`).not.toContain(token)
  }
})

test('who asks goes along as the connection says', async () => {
  const seen: string[] = []
  const listening = await stub((request, response, query) => {
    seen.push(`${query.get('user.name')} ${query.get('doas')} ${query.get('delegation')}`)
    serving(request, response, query)
  })
  await (await open([listening.address], { proxy_user: '민아' })).lake.stat('/a')
  await (await open([listening.address], { delegation_token: 'T+/=' })).lake.stat('/a')
  expect(seen).toEqual(['lake 민아 null', 'null null T+/='])
})

test.each([
  [{ host: '' }, /needs the NameNodes/],
  [{ host: 'http://nn1:9870' }, /found http:/],
  [{ host: 'nn1', extra: '{"use_ssl":"yes"}' }, /extra.use_ssl must be true or false/],
  [{ host: 'nn1', extra: '{"timeout":0}' }, /extra.timeout must be a number of seconds above 0/],
  [{ host: 'nn1', extra: '{"permission":"rw"}' }, /must be octal/],
  [{ host: 'nn1', extra: '{"use_ssl":true,"verify":"/no/such.pem"}' }, /cannot be read: \/no\/such.pem/],
])('a connection with %j is refused with a reason', async (fields, reason) => {
  const connection = { id: 'hdfs_default', type: 'webhdfs', ...fields }
  const opening = openLake(madeUpContext({ embeddedRoot: '/nowhere', connections: [connection] }), 'hdfs_default')
  await expect(opening).rejects.toThrow(ConnectionUnusableError)
  await expect(opening).rejects.toThrow(reason)
})
