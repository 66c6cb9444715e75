import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccount, makeSignInToken } from '../../engine/admin/accounts.ts'
import { setConnection } from '../../engine/admin/connections.ts'
import { deleteVariable, setVariable } from '../../engine/admin/variables.ts'
import { recordImportError } from '../../engine/dags/sync.ts'
import { packageRoot } from '../../runtime/paths.ts'
import { type Demo, seedDemo } from '../browser/demo.ts'
import { pagePaths } from '../browser/page-paths.ts'
import { makeDag, makeTask, notify, type SeededRun, seedEvent, seedLog, seedRun, seedXCom, storeDag } from './seed.ts'
import { ROOT, readAnswer, startWeb, type TestWeb } from './start-web.ts'

const XSS = '<img src=x onerror=alert(1)>"\'{{7*7}}'

let web: TestWeb
let demo: Demo
let evil: SeededRun
let cookie = ''

const cookiesOf = (headers: Headers): string =>
  headers
    .getSetCookie()
    .map((line) => line.split(';')[0] ?? '')
    .filter((pair) => !pair.endsWith('='))
    .join('; ')

async function signIn(role: 'viewer' | 'user' | 'op' | 'admin'): Promise<string> {
  const token = await makeSignInToken(web.database, role, 60_000)
  const answer = await web.call('GET', `/sign-in?token=${token}`, { role: null })
  expect(answer.status).toBe(303)
  // Used up: the same link again signs nobody in.
  expect((await web.call('GET', `/sign-in?token=${token}`, { role: null })).status).toBe(401)
  return cookiesOf(answer.headers)
}

const field = (body: unknown, name: string): string =>
  typeof body === 'object' && body !== null ? String(Reflect.get(body, name)) : ''

const page = (path: string, session = cookie) => web.call('GET', path, { role: null, headers: { cookie: session } })

const csrfOf = (html: string): string => /data-csrf="([^"]+)"/.exec(html)?.[1] ?? ''

const post = async (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  readAnswer(
    await fetch(`${web.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie, ...headers },
      body: new URLSearchParams(fields),
    }),
  )

const evilPaths = (): Record<string, string> => {
  const task = `/dags/evil/runs/${encodeURIComponent(evil.runId)}/tasks/work`
  return {
    'evil grid': `/dags/evil?run=${encodeURIComponent(evil.runId)}`,
    'evil task': `/dags/evil?run=${encodeURIComponent(evil.runId)}&task=work&q=${encodeURIComponent(XSS)}`,
    'evil run': `/dags/evil/runs/${encodeURIComponent(evil.runId)}?task=work`,
    'evil graph': '/dags/evil/graph',
    'evil code': '/dags/evil/code',
    'evil trigger': `/dags/evil/trigger?conf=${encodeURIComponent(XSS)}`,
    'evil log': task,
    'evil xcom': `${task}/xcom`,
    'evil events': `${task}/events`,
    'evil error': '/errors/2',
    'evil list': `/dags?q=${encodeURIComponent(XSS)}`,
    'evil nothing': `/dags/${encodeURIComponent(XSS)}`,
    'evil variable': '/variables/edit?key=evil',
    'evil connection': '/connections/edit?id=evil',
    'evil new connection': `/connections/new?id=${encodeURIComponent(XSS)}&kind=${encodeURIComponent(XSS)}`,
    'evil sign-in': `/sign-in?next=${encodeURIComponent(XSS)}`,
  }
}

beforeAll(async () => {
  web = await startWeb()
  demo = await seedDemo(web)
  await storeDag(
    web,
    makeDag('evil', {
      tasks: [makeTask('work', { owner: XSS, operator: XSS, docMd: XSS })],
      tags: [XSS.slice(0, 90)],
      description: XSS,
      docMd: XSS,
    }),
    `// ${XSS}\n`,
  )
  evil = await seedRun(web, 'evil', Date.now() - 60_000, { state: 'failed', tasks: { work: 'failed' } })
  await web.database.query(
    'update dag_run set note = $2::text, conf = $3, triggering_user_name = $2::text where id = $1',
    [evil.id, XSS, JSON.stringify({ [XSS]: XSS })],
  )
  await web.database.query('update task_instance set hostname = $2::text, note = $2::text where dag_run_id = $1', [
    evil.id,
    XSS,
  ])
  await seedEvent(web, evil, 'work', {
    from: 'running',
    to: 'failed',
    because: { code: 'failed', message: XSS, triesLeft: 0 },
  })
  await seedXCom(web, evil, 'work', XSS, { [XSS]: XSS })
  await seedLog(web, { dagId: 'evil', runId: evil.runId, taskId: 'work', tryNumber: 1 }, [{ event: XSS, level: XSS }])
  await recordImportError(web.database, XSS, XSS, {
    file: XSS,
    line: 1,
    column: 1,
    frame: `> 1 | ${XSS}`,
    errors: [XSS, { text: XSS }],
  })
  await setVariable(web, { key: 'evil', value: XSS, description: XSS }, { name: 'admin', via: 'cli' })
  await setConnection(
    web,
    {
      connId: 'evil',
      connType: XSS,
      description: XSS,
      host: XSS,
      schema: XSS,
      login: XSS,
      password: XSS,
      port: 1,
      extra: JSON.stringify({ a: XSS }),
    },
    { name: 'admin', via: 'cli' },
  )
  cookie = await signIn('admin')
})

afterAll(async () => {
  await web.stop()
})

describe('pages', () => {
  it('open with a sentence, hold no secret, run nobody else’s markup, and need at most 12 statements', async () => {
    let statements = 0
    const query = web.database.query.bind(web.database)
    Reflect.set(web.database, 'query', (...given: Parameters<typeof query>) => {
      statements++
      return query(...given)
    })
    for (const [name, path] of Object.entries({ ...pagePaths(demo), ...evilPaths() })) {
      statements = 0
      const { status, text, headers } = await page(path)
      const expected = /not-found|evil nothing/.test(name) ? 404 : name === 'evil sign-in' ? 303 : 200
      expect([name, status]).toEqual([name, expected])
      if (expected === 303) continue
      expect([name, /<h1>.+<\/h1>/s.test(text)]).toEqual([name, true])
      expect([name, text.includes('never-on-a-page')]).toEqual([name, false])
      expect([name, text.includes('<img src=x')]).toEqual([name, false])
      expect([name, /\sstyle=|\son\w+="/.test(text.replaceAll('&lt;', ''))]).toEqual([name, false])
      expect([name, statements <= 12, statements]).toEqual([name, true, statements])
      const nonce = /nonce-([^']+)'/.exec(headers.get('content-security-policy') ?? '')?.[1] ?? ''
      for (const script of text.match(/<script (?!type="application\/json")[^>]*>/g) ?? [])
        expect(script).toContain(`nonce="${nonce}"`)
    }
  })

  it('send a reader without sign-in to the sign-in page, and back only to a path of ours', async () => {
    const answer = await page('/dags/evil?run=1', '')
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/sign-in?next=%2Fdags%2Fevil%3Frun%3D1'])
    for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example', '/%0d%0aSet-Cookie:x']) {
      const sent = await page(`/sign-in?next=${encodeURIComponent(next)}`)
      expect(
        sent.headers.get('location')?.startsWith('/') === true && !/^\/[/\\]/.test(sent.headers.get('location') ?? ''),
      ).toBe(true)
    }
  })

  it('set the note of a run: kept and shown, refused with what was written, removed', async () => {
    const at = `/dags/evil/note?run=${encodeURIComponent(evil.runId)}`
    const csrf = csrfOf((await page(at)).text)
    const note = (text: string) => post('/dags/evil/note', { csrf, run: evil.runId, note: text })
    expect((await note('<b>late</b>')).status).toBe(303)
    const shown = await page(`/dags/evil?run=${encodeURIComponent(evil.runId)}`)
    expect(shown.text).toContain('&lt;b&gt;late&lt;/b&gt;')
    const refused = await note('x'.repeat(1001))
    expect(refused.status).toBe(422)
    expect(refused.text).toContain('a note has at most 1000 characters, found 1001')
    expect(refused.text).toContain('x'.repeat(1001))
    expect((await page(at)).text).toContain('&lt;b&gt;late&lt;/b&gt;')
    expect((await note('')).status).toBe(303)
    expect((await page(at)).text).not.toContain('&lt;b&gt;late&lt;/b&gt;')
  })

  it('take writes only with the token of the session and from here', async () => {
    const { text } = await page('/dags')
    const csrf = csrfOf(text)
    const fields = { is_paused: 'true', here: '/dags' }
    expect((await post('/ui/dags/evil/pause', fields)).status).toBe(403)
    expect((await post('/ui/dags/evil/pause', { ...fields, csrf: `${csrf}x` })).status).toBe(403)
    expect((await post('/ui/dags/evil/pause', { ...fields, csrf }, { origin: 'https://evil.example' })).status).toBe(
      403,
    )
    expect((await post('/ui/dags/evil/pause', { ...fields, csrf }, { 'sec-fetch-site': 'cross-site' })).status).toBe(
      403,
    )
    const other = csrfOf((await page('/dags', await signIn('admin'))).text)
    expect((await post('/ui/dags/evil/pause', { ...fields, csrf: other })).status).toBe(403)
    expect((await post('/ui/dags/evil/pause', { ...fields, csrf })).status).toBe(303)
    // The API with a cookie is held to the same.
    const api = (headers: Record<string, string>) =>
      web.call('PATCH', '/api/v2/dags/evil', {
        role: null,
        body: { is_paused: false },
        headers: { cookie, ...headers },
      })
    expect((await api({})).status).toBe(403)
    expect((await api({ 'x-csrf-token': csrf })).status).toBe(200)
  })

  it('say where candles come from while the exchange has no connection', async () => {
    expect((await page('/connections')).text).not.toContain('upbit_default')
    await setVariable(
      web,
      { key: 'upbit_simulated_url', value: 'http://127.0.0.1:41234', description: null },
      { name: 'standalone', via: 'cli' },
    )
    const { text } = await page('/connections')
    const row = /<tr class="item" data-text="upbit_default http">.*?<\/tr>/s.exec(text)?.[0] ?? ''
    expect(row).toContain('http://127.0.0.1:41234')
    expect(row).toContain('the simulated exchange of this host: generated candles, not market data')
    expect(row).toContain('>simulated</span>')
    await deleteVariable(web, { key: 'upbit_simulated_url' }, { name: 'standalone', via: 'cli' })
  })

  it('show each role only what it may do', async () => {
    const viewer = await signIn('viewer')
    const list = (await page('/dags', viewer)).text
    expect(list).toContain('disabled')
    expect(list).not.toContain('href="/variables"')
    expect((await page('/dags/evil', viewer)).text).not.toContain('/dags/evil/trigger')
    expect((await page('/dags/evil/trigger', viewer)).status).toBe(403)
    expect((await page('/variables', await signIn('user'))).status).toBe(403)
    expect((await page('/variables', await signIn('op'))).status).toBe(200)
  })

  it('lead an account that must change its password to that choice, and nowhere else before', async () => {
    const made = 'made by the terminal'
    await createAccount(web, { username: 'newcomer', password: made, role: 'op', mustChangePassword: true }, ROOT)
    const chosen = 'chosen by the newcomer'
    const own = async (token: string) => {
      const answer = await web.call('GET', `/sign-in?token=${token}`, { role: null })
      return cookiesOf(answer.headers)
    }
    const choose = async (session: string, fields: Record<string, string>) => {
      const form = await page('/password?next=/runs', session)
      const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? ''
      return post('/password', { csrf, next: '/runs', ...fields }, { cookie: session })
    }
    const bearer = field(
      (await web.call('POST', '/auth/token', { role: null, body: { username: 'newcomer', password: made } })).body,
      'access_token',
    )
    const api = (headers: Record<string, string>) => web.call('GET', '/api/v2/dags', { role: null, headers })

    const byLink = await own(await makeSignInToken(web.database, 'newcomer', 60_000))
    for (const path of ['/dags', '/dags/evil?run=1', '/variables', '/connections/new', '/errors']) {
      const sent = await page(path, byLink)
      expect([sent.status, sent.headers.get('location')]).toEqual([303, `/password?next=${encodeURIComponent(path)}`])
    }
    const refused = await post('/ui/variables', { key: 'early', value: '1' }, { cookie: byLink })
    expect([refused.status, refused.headers.get('location')]).toEqual([303, '/password'])
    expect(await web.vault.findVariable('early')).toBeNull()
    expect((await api({ cookie: byLink })).status).toBe(403)
    expect((await web.call('GET', '/ui/events?topics=dags', { role: null, headers: { cookie: byLink } })).status).toBe(
      403,
    )
    expect((await api({ authorization: `Bearer ${bearer}` })).status).toBe(200)

    expect((await page('/password', byLink)).text).not.toContain('Old password')
    expect((await post('/password', { new: chosen, again: chosen }, { cookie: byLink })).status).toBe(403)
    expect((await choose(byLink, { new: 'short', again: 'short' })).text).toContain('12 to 1,024 characters')
    expect((await choose(byLink, { new: chosen, again: made })).text).toContain('The two differ.')
    expect((await choose(byLink, { new: made, again: made })).text).toContain('the password you have')
    const done = await choose(byLink, { new: chosen, again: chosen })
    expect([done.status, done.headers.get('location')]).toEqual([303, '/runs'])
    const after = cookiesOf(done.headers)
    expect((await page('/runs', after)).status).toBe(200)
    expect((await page('/runs', byLink)).headers.get('location')).toBe('/sign-in?next=%2Fruns')
    expect((await api({ authorization: `Bearer ${bearer}` })).status).toBe(401)

    // The session that came from the choice is nobody's link: another change needs the password.
    expect((await page('/password', after)).text).toContain('Old password')
    const next = { new: `${chosen} again`, again: `${chosen} again` }
    const wrong = await choose(after, { old: made, ...next })
    expect([wrong.status, /That is not the old password\. \d tries left/.test(wrong.text)]).toEqual([422, true])
    for (const password of [made, chosen, next.new]) expect(wrong.text).not.toContain(password)
    expect((await choose(after, { old: chosen, ...next })).status).toBe(303)
  })

  it('keep a secret that is not replaced, and say what a form got wrong', async () => {
    const csrf = csrfOf((await page('/variables')).text)
    expect(
      (await post('/ui/variables', { csrf, original: 'kma_service_key', value: '', description: 'd' })).status,
    ).toBe(303)
    expect(await web.vault.findVariable('kma_service_key')).toMatchObject({
      value: 'never-on-a-page-1',
      description: 'd',
    })
    const bad = await post('/ui/connections', {
      csrf,
      id: 'a b',
      kind: 'http',
      port: 'x',
      extra: '[]',
      password: 'never-on-a-page-5',
    })
    expect(bad.status).toBe(422)
    expect(bad.text).toContain('A port is a number from 0 to 65535.')
    expect(bad.text).not.toContain('never-on-a-page')
    const conf = await post('/dags/evil/trigger', { csrf, conf: '{"a":' })
    expect([conf.status, conf.text.includes('This is no JSON yet')]).toEqual([422, true])
  })
})

describe('the stream', () => {
  it('tells changes with numbers, resumes after them, and says so when it cannot', async () => {
    const read = async (query: string, until: RegExp): Promise<string> => {
      const stop = new AbortController()
      const response = await fetch(`${web.url}/ui/events?${query}`, { headers: { cookie }, signal: stop.signal })
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
      let text = ''
      const decoder = new TextDecoder()
      try {
        for await (const chunk of response.body ?? []) {
          text += decoder.decode(chunk as Uint8Array)
          if (until.test(text)) break
        }
      } finally {
        stop.abort()
      }
      return text
    }
    const first = read('topics=dag:evil', /event: run/)
    await new Promise((done) => setTimeout(done, 300))
    await notify(web, [demo.running.id])
    await notify(web, [evil.id])
    const told = await first
    expect(told).not.toContain('gmarket_hourly')
    expect(told).toContain(`"changed":[["work","f"]]`)
    const id = /id: ([0-9a-f]{8})\.(\d+)\.0\nevent: run/.exec(told)
    expect(id).not.toBeNull()
    const again = await read(`topics=dag:evil&last=${id?.[1]}.${Number(id?.[2]) - 1}.0`, /event: run/)
    expect(again).toContain('event: run')
    expect(await read(`topics=dag:evil&last=00000000.1.0`, /event: refresh/)).toContain('event: refresh')
    expect((await web.call('GET', '/ui/events?topics=dags', { role: null })).status).toBe(401)
  })
})

describe('the built server', () => {
  it('runs without code generation from strings', async () => {
    const built = join(packageRoot, 'dist', 'webserver', 'server.js')
    expect(existsSync(built), 'npm run build comes before the tests').toBe(true)
    const program = `
      const { startWebserver } = await import('./dist/webserver/server.js')
      const { openDatabase } = await import('./dist/store/database.js')
      const { RunCache } = await import('./dist/engine/transaction/run-cache.js')
      const { Vault } = await import('./dist/engine/admin/vault.js')
      const { loadConfig } = await import('./dist/runtime/config.js')
      const { makeLogger } = await import('./dist/runtime/logger.js')
      const { secretBox } = await import('./dist/runtime/secrets.js')
      const log = makeLogger('t', 'error')
      const config = loadConfig({ BARAM__API__PORT: '0', BARAM__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: 'True' })
      const database = openDatabase({ url: process.argv[1], poolSize: 4, log, application: 't' })
      const vault = new Vault({ database, box: secretBox(Buffer.alloc(32, 1)),
        variableOverrides: new Map(), connectionOverrides: new Map(), sensitiveNames: [] })
      const server = await startWebserver({ config, database, runCache: new RunCache(), vault, log, jwtSecret: Buffer.alloc(32, 2) })
      const got = []
      for (const path of ['/dags', '/dags/gmarket_hourly', '/dags/gmarket_hourly/graph', '/runs', '/errors', '/api/v2/dags'])
        got.push((await fetch(server.url + path)).status)
      const bad = await fetch(server.url + '/api/v2/dags/evil/dagRuns', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"x":1}' })
      got.push(bad.status)
      try { new Function('1') ; got.push('generates') } catch { got.push('refused') }
      await server.close()
      await database.close()
      process.stdout.write(JSON.stringify(got))
    `
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program, web.databaseUrl],
      { cwd: packageRoot },
    )
    expect(JSON.parse(stdout)).toEqual([200, 200, 200, 200, 200, 200, 422, 'refused'])
  })
})
