// What goes wrong between dagctl and a server: each fault has a sentence and an exit code, and no answer does anything to a terminal.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isLoopback, readServerUrl } from '../../cli/server-url.ts'
import { type Laptop, makeLaptop } from './remote-baram.ts'

const TOKEN = 'the-token-of-this-test'
const ESC = '\u001b'

describe('a server that fails', () => {
  let laptop: Laptop
  let servers: Server[]
  let asked: IncomingMessage[]

  beforeEach(() => {
    laptop = makeLaptop()
    servers = []
    asked = []
  })
  afterEach(async () => {
    for (const server of servers) {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    }
    laptop.remove()
  })

  const listen = (server: Server, scheme: string): Promise<string> => {
    servers.push(server)
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(`${scheme}://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
      })
    })
  }
  const serve = (answer: RequestListener): Promise<string> =>
    listen(
      createServer((req, res) => {
        asked.push(req)
        answer(req, res)
      }),
      'http',
    )
  const says =
    (status: number, body: unknown, headers: Record<string, string> = {}): RequestListener =>
    (_, res) =>
      res
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(typeof body === 'string' ? body : JSON.stringify(body))
  const dagctl = (url: string, ...args: string[]) => laptop.run(args, { env: { BARAM_URL: url, BARAM_TOKEN: TOKEN } })

  it('that is not there: nothing listens', async () => {
    const url = await serve(says(200, {}))
    await new Promise((done) => servers.pop()?.close(done))
    const answer = await dagctl(url, 'dags', 'list')
    expect(answer).toEqual({
      code: 5,
      stdout: '',
      stderr: `dagctl: the server ${url} cannot be reached: nothing listens there; start the server, or check its address and port\n`,
    })
  })

  it('whose name nobody knows', async () => {
    const answer = await dagctl('https://no-such-host.invalid', 'dags', 'list')
    expect(answer.code).toBe(5)
    expect(answer.stderr).toMatch(/cannot be reached: (there is no such host|the name cannot be looked up now)/)
  })

  it('whose certificate is signed by itself', async () => {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(laptop.folder, name))
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-subj',
        '/CN=127.0.0.1',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-days',
        '1',
        '-keyout',
        key ?? '',
        '-out',
        cert ?? '',
      ],
      { stdio: 'ignore' },
    )
    const tls = { key: readFileSync(key ?? ''), cert: readFileSync(cert ?? '') }
    const url = await listen(createTlsServer(tls, says(200, { pools: [], total_entries: 0 })), 'https')
    const answer = await dagctl(url, 'pools', 'list')
    expect(answer.code).toBe(5)
    expect(answer.stderr).toContain(
      'its certificate is signed by itself; name its authority in a file: NODE_EXTRA_CA_CERTS=ca.pem',
    )
    const trusted = await laptop.run(['pools', 'list'], {
      env: { BARAM_URL: url, BARAM_TOKEN: TOKEN, NODE_EXTRA_CA_CERTS: cert },
    })
    expect(trusted).toEqual({ code: 0, stdout: 'No data found\n', stderr: '' })
    const plain = await dagctl(url.replace('https', 'http'), 'pools', 'list')
    expect(plain.code).toBe(5)
  })

  it('that speaks no TLS where https:// was given', async () => {
    const url = await serve(says(200, {}))
    const answer = await dagctl(url.replace('http', 'https'), 'dags', 'list')
    expect(answer.code).toBe(5)
    expect(answer.stderr).toContain('does not speak TLS')
  })

  it('that ends the connection amid a change: whether it was done is not known', async () => {
    const url = await serve((req, res) => {
      if (req.method === 'POST') req.socket.destroy()
      else says(200, DETAILS)(req, res)
    })
    const answer = await dagctl(url, 'trigger', 'prices')
    expect(answer.code).toBe(5)
    expect(answer.stderr).toContain('Whether it was done is not known: look first')
  })

  it.each([
    [
      401,
      { detail: 'Not authenticated' },
      4,
      'does not take the token: it has expired or was ended; sign in: dagctl login --url',
    ],
    [403, { detail: 'Forbidden' }, 4, 'the role of your account'],
    [404, 'a page of another server', 5, 'is it a Baram server'],
    [404, { detail: 'get_pools is not available in this version of Baram' }, 4, 'cannot do this yet'],
    [409, { detail: { reason: 'Unique', message: 'it exists' } }, 1, 'dagctl: it exists'],
    [
      422,
      { detail: [{ type: 'x', loc: ['query', 'limit'], msg: 'Input should be a number' }] },
      2,
      'limit: Input should be a number',
    ],
    [429, { detail: 'Too many failed sign-ins' }, 4, 'Too many failed sign-ins'],
    [
      500,
      { detail: 'Internal Server Error' },
      5,
      'answers 500 to GET /api/v2/pools: Internal Server Error; its log says more',
    ],
    [503, '<html>', 5, 'answers 503'],
    [200, '<html>hello', 5, 'must answer JSON'],
    [200, { total_entries: 0 }, 5, 'must answer a list as pools, found nothing'],
    [200, { pools: [{ name: 1 }], total_entries: 1 }, 5, 'must answer a text as name, found 1'],
    [200, '[]', 5, 'must answer an object'],
  ])('that answers %i %j ends the command with a sentence', async (status, body, code, text) => {
    const answer = await dagctl(await serve(says(status, body)), 'pools', 'list')
    expect(answer.stderr).toContain(text)
    expect(answer).toMatchObject({ code, stdout: '' })
    expect(answer.stderr).not.toContain(TOKEN)
  })

  it('that leads elsewhere is not followed, and the token goes nowhere else', async () => {
    const heard: (string | undefined)[] = []
    const other = await listen(
      createServer((req, res) => {
        heard.push(req.headers.authorization)
        res.end('{}')
      }),
      'http',
    )
    const url = await serve(says(302, {}, { location: `${other}/sign-in` }))
    const answer = await dagctl(url, 'pools', 'list')
    expect(answer).toMatchObject({ code: 5, stdout: '' })
    expect(answer.stderr).toContain(
      `leads elsewhere, and the token is not taken there: it answers 302 to GET /api/v2/pools with ${other}/sign-in`,
    )
    expect(heard).toEqual([])
    expect(asked.map((req) => req.headers.authorization)).toEqual([`Bearer ${TOKEN}`])
  })

  it('is told no token of another server: that of BARAM_TOKEN goes to BARAM_URL alone', async () => {
    const url = await serve(says(200, { pools: [], total_entries: 0 }))
    const env = { BARAM_URL: 'https://mine.example.com', BARAM_TOKEN: TOKEN }
    await laptop.run(['pools', 'list', '--url', url], { env })
    expect(asked.map((req) => req.headers.authorization)).toEqual([undefined])
  })

  it('whose words and values would act on a terminal: they are shown, not sent', async () => {
    const evil = `${ESC}]0;owned\u0007${ESC}[2J\u202e`
    const list = await dagctl(
      await serve(says(200, { pools: [{ ...POOL, name: evil }], total_entries: 1 })),
      'pools',
      'list',
    )
    const fault = await dagctl(await serve(says(409, { detail: evil })), 'pools', 'list')
    const place = await dagctl(await serve(says(302, {}, { location: '/%1b[2J' })), 'pools', 'list')
    for (const { stdout, stderr } of [list, fault, place]) expect(stdout + stderr).not.toMatch(/[\u0007\u001b\u202e]/)
    expect(list.stdout).toContain('␛]0;owned␇')
  })

  it('a name that is another place in an address is asked of nobody', async () => {
    const url = await serve(says(200, {}))
    for (const name of ['.', '..']) expect((await dagctl(url, 'pools', 'delete', name, '-y')).code).toBe(2)
    expect(asked).toEqual([])
    await dagctl(url, 'pools', 'get', 'a/../b?c#d')
    expect(asked.map((req) => req.url)).toEqual(['/api/v2/pools/a%2F..%2Fb%3Fc%23d'])
  })
})

const POOL = {
  name: 'p',
  slots: 1,
  description: null,
  include_deferred: false,
  running_slots: 0,
  queued_slots: 0,
  scheduled_slots: 0,
}

const DETAILS = {
  dag_id: 'prices',
  relative_fileloc: 'prices.ts',
  owners: ['airflow'],
  is_paused: false,
  is_stale: false,
  timetable_summary: null,
  timezone: 'UTC',
  next_dagrun_run_after: null,
}

describe('the address of a server', () => {
  it.each([
    ['https://baram.example.com', 'https://baram.example.com'],
    ['https://baram.example.com/', 'https://baram.example.com'],
    ['HTTP://LOCALHOST:8080/api/v2/', 'http://localhost:8080'],
    ['https://example.com/baram/', 'https://example.com/baram'],
  ])('%s is %s', (text, url) => {
    expect(readServerUrl(text, '--url')).toBe(url)
  })

  it.each([
    '',
    'localhost:8080',
    'baram.example.com',
    'ftp://x',
    'file:///etc/passwd',
    'https://',
    'https://x/?a=1',
    'https://x/#a',
  ])('%j is none', (text) => {
    expect(() => readServerUrl(text, '--url')).toThrow(/--url must be an? address/)
  })

  it('with a password in it is refused without telling the password', () => {
    expect(() => readServerUrl('https://me:secret-word@x', '--url')).toThrow(/^(?!.*secret-word).*must not hold a user/)
  })

  it('is this machine, or another one', () => {
    for (const url of ['http://localhost:1', 'http://127.0.0.1', 'http://127.1.2.3', 'http://[::1]:8080'])
      expect(isLoopback(url)).toBe(true)
    for (const url of [
      'http://127.0.0.1.example.com',
      'http://localhost.example.com',
      'http://10.0.0.1',
      'http://[::2]',
    ])
      expect(isLoopback(url)).toBe(false)
  })
})
