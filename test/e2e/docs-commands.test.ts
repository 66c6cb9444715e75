// Each command that the documents print works as it is written: blocks and code spans are typed into a shell beside a running
// deployment. What cannot be typed here stands in a table, with the reason.

import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { type Command, CommanderError } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeProgram } from '../../cli/program.ts'
import { EmbeddedEventLog } from '../../operators/event-log/index.ts'
import { eventually, startBaram, type TestBaram } from '../support/baram.ts'
import { DOCUMENTS, documentText, inlineCommands, shellBlocks } from '../support/documents.ts'

const INSTALLS = 'installs, builds or runs all tests; what it starts is tested by test/e2e/standalone.test.ts'
const STAYS = 'runs until it is stopped: test/e2e/standalone.test.ts, and the processes of this test'
const SERVER =
  'asks for a password at a terminal, and speaks to a server: test/cli/login.test.ts, test/cli/remote.test.ts'
const MINUTES = 'takes minutes or servers of its own; it is what CONTRIBUTING asks for'
/** By command: why it is not run here. One that no document prints any more fails the test. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm ci && npm start': INSTALLS,
  'npm ci && npm test': INSTALLS,
  'npm test': INSTALLS,
  'npm start': STAYS,
  'npm start > start.log 2>&1 &': STAYS,
  'npx dagctl standalone': STAYS,
  'npx dagctl scheduler': STAYS,
  'dagctl standalone': STAYS,
  'dagctl scheduler': STAYS,
  'dagctl webserver': STAYS,
  'npm run bench': MINUTES,
  'npm run bench -- --streams': MINUTES,
  'npm run bench -- --profile': MINUTES,
  'npm run bench:peers': MINUTES,
  'npm run test:services -- --full': MINUTES,
  'npm run chaos': MINUTES,
  'npm run chaos -- --cycles 20': MINUTES,
  'npm run chaos -- --recovery 20': MINUTES,
  'npm run services -- up kafka3 hdfs hive elasticsearch': MINUTES,
  'npm run services -- up kafka3 elasticsearch hdfs hive': MINUTES,
  'npm run test:services': MINUTES,
  'npm run verify:sinks': MINUTES,
  'dagctl login --url https://baram.example.com --profile prod': SERVER,
  'dagctl runs watch prices latest --exit-status': SERVER,
  'dagctl doctor kafka':
    'another document has added a connection to brokers that are not here: test/real/doctor.test.ts',
  'dagctl doctor':
    'looks at all systems of a deployment, and this one has no database for pipelines: test/operators/doctor',
  'node --inspect-brk': 'an option, named for what it does',
  'node --inspect-brk "$(which dagctl)" test prices    # breakpoints stop in your file; executionTimeout is off':
    'stops and waits for a debugger: test/cli/trial.test.ts',
}

/** Lines of a session that break a file on purpose: the next one ends with exit code 1. */
const BREAKS: ReadonlySet<string> = new Set(["sed -i 's/retries/retrys/' dags/prices.ts"])

/** A DAG with the tasks that documents speak of. */
const dagText = (dagId: string, tasks: readonly string[], options = '') => `import { cron, Dag } from 'baram'
export const dag = new Dag('${dagId}', { schedule: cron('0 6 * * *', { timezone: 'Asia/Seoul', interval: true }), isPausedUponCreation: true${options} })
${tasks.map((task) => `const ${task} = dag.task('${task}', ({ rows = [] }: { rows?: number[] }) => rows.length)({})`).join('\n')}
${tasks
  .slice(1)
  .map((task, i) => `${task}.after(${tasks[i]})`)
  .join('\n')}
`

/** \`airflow … export FILE\`, in the form that Airflow writes. */
const AIRFLOW = `#!/bin/sh
case "$1" in
  variables) echo '{"a": "1", "b": {"value": "x", "description": "d"}}' > "$3" ;;
  connections) echo '{"shop": {"conn_type": "http", "host": "h", "port": 80, "extra": "{}"}}' > "$3" ;;
esac
`

interface Ended {
  /** Of each line. */
  readonly codes: readonly number[]
  readonly output: string
}

describe('commands of the documents', () => {
  let baram: TestBaram
  let folder: string
  let env: NodeJS.ProcessEnv
  let port: string
  const password = 'a password of 20 letters'
  /** Several documents print the same; once is enough. */
  const done = new Set<string>()

  /** What a reader fills in: the port of this test, a password, a crontab that is there. */
  const filled = (script: string) =>
    script
      .replaceAll('localhost:8080', `localhost:${port}`)
      .replaceAll('"password": "…"', `"password": "${password}"`)
      .replaceAll('/var/spool/cron/crontabs/me', 'crontab')

  /** Types lines into one shell. */
  const shell = (lines: readonly string[]): Promise<Ended> =>
    new Promise((done) => {
      const script = lines.map((line) => `${filled(line)}\necho "$?" >&3`).join('\n')
      execFile('bash', ['-c', `exec 3> codes\n${script}`], { cwd: folder, env }, (_, stdout, stderr) =>
        done({
          codes: readFileSync(join(folder, 'codes'), 'utf8').trim().split('\n').map(Number),
          output: stdout + stderr,
        }),
      )
    })

  /** The DAG's file as it is live, or any. */
  const isRead = async (dagId: string, text: string | null) =>
    (
      await baram.query('select 1 from dag_code where dag_id = $1 and source_code = coalesce($2, source_code)', [
        dagId,
        text,
      ])
    ).length > 0

  /** Puts a DAG into the folder and waits until it is live. */
  async function live(dagId: string, text: string): Promise<void> {
    baram.writeDag(`${dagId}.ts`, text)
    await eventually(`${dagId} to be read`, () => isRead(dagId, text))
  }

  beforeAll(async () => {
    baram = await startBaram({ BARAM__DAG_PROCESSOR__REFRESH_INTERVAL: '1' })
    folder = resolve(baram.dags, '..')
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    mkdirSync(join(folder, 'test'))
    const program = resolve(import.meta.dirname, '../../dist/cli/main.js')
    const script = (name: string, text: string) => {
      writeFileSync(join(bin, name), text)
      chmodSync(join(bin, name), 0o755)
    }
    script('dagctl', `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
    script('npx', '#!/bin/sh\nexec "$@"\n')
    script('airflow', AIRFLOW)
    writeFileSync(join(folder, 'crontab'), '0 6 * * * /opt/jobs/load\n')
    writeFileSync(join(folder, 'test', 'vars.json'), '{"variables": {"a": "1"}}')
    env = {
      ...process.env,
      PATH: `${bin}:${process.env['PATH']}`,
      BARAM_HOME: baram.home,
      BARAM__DATABASE__SQL_ALCHEMY_CONN: baram.databaseUrl,
      BARAM__CORE__DAGS_FOLDER: baram.dags,
      BARAM__CORE__LOAD_EXAMPLES: 'False',
      NO_COLOR: '1',
      SERVICE_KEY: 'a key of data.go.kr',
    }
    await baram.dagctl('users', 'create', '-u', 'admin', '-r', 'admin', '-p', password)
    await makeTopics(join(baram.home, 'event-log'))
    port = await freePort()
    await Promise.all([
      baram.start('webserver', '--port', port),
      baram.start('scheduler'),
      baram.start('worker', '--queues', 'default'),
    ])
  }, 120_000)
  afterAll(() => baram.stop())

  /** Documents whose commands need something to be there first. */
  const PREPARED: Readonly<Record<string, () => Promise<void>>> = {
    'README.md': () =>
      live('hello', /```ts\n([\s\S]*?)```/.exec(documentText('README.md'))?.[1]?.replaceAll(/^ {3}/gm, '') ?? ''),
    'docs/authoring.md': () => live('prices', dagText('prices', ['load', 'total'])),
    'docs/from-logstash.md': () => live('weather', dagText('weather', ['fetch'])),
    'docs/from-airflow.md': () => live('orders', dagText('orders', ['total'])),
    'docs/operating.md': async () => {
      // Nobody takes its tasks: the backfill that is paused and cancelled goes on for as long as that needs.
      await live('prices', dagText('prices', ['load', 'store', 'tell'], `, defaultArgs: { queue: 'nobody' }`))
      for (const runId of ['scheduled__2026-03-17T21:00:00+00:00', 'manual__2026-03-18T02:00:00+00:00']) {
        const made = await baram.trigger('prices')
        await baram.query('update dag_run set run_id = $1 where run_id = $2', [runId, made])
        await baram.query('update task_instance set run_id = $1 where run_id = $2', [runId, made])
      }
      await baram.query("select setval(pg_get_serial_sequence('baram.backfill', 'id'), 6)")
      await shell(['dagctl backfill create --dag-id prices --from-date 2026-01-01 --to-date 2026-01-03 --yes'])
    },
    'docs/pipelines.md': async () => {
      for (const dagId of ['gmarket_hourly', 'weather_hourly', 'shop_orders'])
        await live(dagId, dagText(dagId, ['collect']).replace('0 6', '0 *'))
    },
    'docs/testing.md': () => live('prices', dagText('prices', ['total', 'store'])),
  }
  /** The session of five minutes makes the DAG that other documents speak of. */
  const ORDER = ['docs/five-minutes.md', ...DOCUMENTS.filter((document) => document !== 'docs/five-minutes.md')]

  describe.each(ORDER)('%s', (document) => {
    const blocks = shellBlocks(document).map((lines) => lines.filter((line) => NOT_RUN[line] === undefined))
    const spans = inlineCommands(document).filter((line) => NOT_RUN[line] === undefined)

    it('prints commands that work', async () => {
      const typed = blocks.filter((lines) => lines.length > 0)
      for (const span of spans) if ((await isWhole(span)) && !done.has(bare(span))) typed.push([span])
      if (typed.length > 0) await PREPARED[document]?.()
      for (const lines of typed) {
        if (lines.some((line) => line.includes('unpause prices')))
          await eventually('prices to be read', () => isRead('prices', null))
        const { codes, output } = await shell(lines)
        const asks = output.includes('Nothing was done: add --yes')
        for (const [i, line] of lines.entries()) {
          done.add(bare(line))
          // At a terminal it asks for a yes first.
          const isGood = codes[i] === (BREAKS.has(lines[i - 1] ?? '') ? 1 : 0) || (codes[i] === 4 && asks)
          expect(isGood, `${line}\nended with ${codes[i]}:\n${output}`).toBe(true)
        }
      }
    }, 120_000)
  })

  it('that are not run are printed somewhere', () => {
    const printed = new Set(
      DOCUMENTS.flatMap((document) => [...shellBlocks(document).flat(), ...inlineCommands(document)]),
    )
    expect(Object.keys(NOT_RUN).filter((line) => !printed.has(line))).toEqual([])
  })
})

/** Topics that documents look into. */
async function makeTopics(folder: string): Promise<void> {
  const log = new EmbeddedEventLog(folder)
  for (const topic of ['orders', 'car_info.dlq', 'stocks.dlq']) await log.ensureTopic(topic)
  await log.close()
}

function freePort(): Promise<string> {
  const server = createServer()
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(String(typeof address === 'object' ? address?.port : 0)))
    })
  })
}

function disarm(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
  if (command.parent !== null && command.commands.length === 0) command.action(() => undefined)
  for (const sub of command.commands) disarm(sub)
}

/** `npx` stands before it in a clone. */
const bare = (line: string): string => line.replace(/^npx /, '')

/** What a sentence may leave out. */
const LEFT_OUT = [
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.help',
  'commander.helpDisplayed',
]

/**
 * Whether a code span can be typed as it stands. One that only names a command, or leaves arguments out, is held against the
 * commands and options there are.
 */
async function isWhole(span: string): Promise<boolean> {
  const [, text] = /^(?:npx )?dagctl ?(.*)$/.exec(span) ?? []
  if (text === undefined) throw new Error(`${span}: a command that is neither dagctl's nor in the table NOT_RUN`)
  const isOpen = /…|<|\[|\bDATE\b/.test(text)
  const words = (text.replace(/ > .*$/, '').match(/"[^"]*"|'[^']*'|\S+/g) ?? [])
    .filter((word) => !/[…<[\]]/.test(word))
    .map((word) => (word === 'DATE' ? '2026-03-18' : word.replace(/^(["'])(.*)\1$/, '$2')))
  const program = await makeProgram(words)
  disarm(program)
  try {
    await program.parseAsync(words, { from: 'user' })
    return !isOpen && words.some((word) => !word.startsWith('-'))
  } catch (error) {
    if (error instanceof CommanderError && (LEFT_OUT.includes(error.code) || isOpen)) return false
    throw new Error(`${span}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
