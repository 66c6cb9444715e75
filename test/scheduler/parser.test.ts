// What a DAG file can do to the process that reads it, and that the next file finds nothing of it: real children.

import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ModuleStore } from '../../runtime/module-store.ts'
import { isAlive } from '../../runtime/processes.ts'
import { type ParseOutcome, Parser, type ParserOptions } from '../../scheduler/parser.ts'
import { eventually } from '../support/baram.ts'
import { makeHome } from '../support/launch-postgres.ts'

let home: string
let modules: ModuleStore
let parser: Parser
/** Of every child that was started, in order. */
let pids: number[]
beforeAll(async () => {
  home = await makeHome()
  modules = new ModuleStore(home)
  modules.open()
})
afterEach(() => parser.close())
afterAll(() => rmSync(home, { recursive: true, force: true }))

function make(more: Partial<ParserOptions> = {}): Parser {
  pids = []
  const stream = { write: (line: string) => void pids.push((JSON.parse(line) as { pid: number }).pid) }
  parser = new Parser({
    memoryMb: 256,
    timeoutMs: 30_000,
    env: { PATH: String(process.env['PATH']) },
    cwd: home,
    log: pino({ level: 'debug', base: null }, stream),
    defaults: { maxActiveTasks: 16, maxActiveRuns: 16 },
    ...more,
  })
  return parser
}

const put = (code: string) => modules.put(createHash('sha256').update(code).digest('hex'), code)
const parse = (code: string) => parser.parse(put(code))
const dag = (id: string, more = '') => `import { Dag } from 'baram'\n${more}\nexport const dag = new Dag('${id}')\n`

const idsOf = (outcome: ParseOutcome) =>
  outcome.kind === 'parsed' ? outcome.result.dags.map(({ dagId }) => dagId) : outcome
const messageOf = (outcome: ParseOutcome) => (outcome.kind === 'died' ? outcome.message : outcome)

describe('a file', () => {
  it('yields its DAGs, and the process that read it reads the next', async () => {
    make().warm()
    expect(idsOf(await parse(dag('one')))).toEqual(['one'])
    expect(idsOf(await parse(dag('two')))).toEqual(['two'])
    expect(pids).toHaveLength(1)
  })

  it('that throws is an error of its own, and leaves its process to nobody', async () => {
    make()
    const outcome = await parse(dag('throws', 'globalThis.left = 1\nthrow new Error("no table")'))
    expect(outcome).toMatchObject({ kind: 'parsed', result: { dags: [], errors: [{ code: 'FILE_THROWS' }] } })
    expect(idsOf(await parse(dag('next', 'if (globalThis.left === 1) throw new Error("met another file")')))).toEqual([
      'next',
    ])
    expect(pids).toHaveLength(2)
  })

  it('that starts processes leaves its own to nobody', async () => {
    make()
    const starts = dag('starts', `import { execSync } from 'node:child_process'\nexecSync('true')`)
    expect(await parse(starts)).toMatchObject({ kind: 'parsed', hasStarted: true })
    await parse(dag('after_starts'))
    expect(pids).toHaveLength(2)
  })

  it.each([
    ['kills its process', `process.kill(process.pid, 'SIGKILL')\nfor (;;);`, /^the process ended by signal SIGKILL/],
    ['ends its process', 'process.reallyExit(3)', /^the process ended with exit code 3/],
    ['talks to the parser', `process.send({ type: 'parsed' })`, /must not use process\.send/],
    [
      'prints without end',
      `for (;;) process.stdout.write('x'.repeat(100_000))`,
      /printed more than 1000000 bytes while it was loaded/,
    ],
  ])('that %s is told what it did, and stops no other', async (_, code, message) => {
    make()
    expect(messageOf(await parse(dag('bad', code)))).toMatch(message)
    expect(idsOf(await parse(dag('good')))).toEqual(['good'])
  })

  it('that never ends is ended at its limit', async () => {
    make({ timeoutMs: 1_000 })
    expect(messageOf(await parse(dag('loops', 'for (;;);')))).toMatch(/^loading took longer than 1 s: an endless loop/)
  })

  it('that needs more memory than it may have is told the setting', async () => {
    make({ memoryMb: 32 })
    const grows = 'const all = []\nfor (;;) all.push(new Array(10_000).fill(1.5))'
    expect(messageOf(await parse(dag('grows', grows)))).toMatch(
      /it needed more than 32 MB \(dag_processor\.parser_memory_mb\)/,
    )
  })
})

describe('a parser', () => {
  it('replaces its process after 50 files: what they loaded stays in it', async () => {
    make()
    for (let n = 0; n < 51; n++) expect(idsOf(await parse(dag(`many_${n}`)))).toEqual([`many_${n}`])
    expect(pids).toHaveLength(2)
  })

  it('that is closed gives up the file it reads at once, and leaves no process', async () => {
    make()
    const reading = parse(dag('hangs', 'await new Promise((done) => setInterval(done, 1e9))'))
    await eventually('the process', () => pids.length > 0)
    await parser.close()
    expect(messageOf(await reading)).toMatch(/was closed while the file was loaded/)
    expect(pids.filter(isAlive)).toEqual([])
  })

  it('that is closed reads nothing and starts nothing', async () => {
    make().warm()
    await parser.close()
    expect(messageOf(await parse(dag('late')))).toMatch(/was closed/)
    await parser.close()
    expect(pids.filter(isAlive)).toEqual([])
    expect(pids).toHaveLength(1)
  })
})
