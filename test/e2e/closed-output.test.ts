// Output that nobody reads ends nobody, and however a standalone ends, nothing of it is left or the next one takes it over.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAlive, listProcesses } from '../../runtime/processes.ts'
import { eventually } from '../support/baram.ts'
import { makeHome } from '../support/launch-postgres.ts'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const HELLO =
  "import { Dag } from 'baram'\nexport const dag = new Dag('hello', { isPausedUponCreation: false })\ndag.task('say', () => 'hello')()\n"

describe('a standalone whose output nobody reads', () => {
  let folder: string
  let home: string
  const env = () =>
    ({
      ...process.env,
      BARAM_HOME: home,
      BARAM__CORE__DAGS_FOLDER: join(folder, 'dags'),
      NO_COLOR: '1',
    }) as NodeJS.ProcessEnv
  const holder = () => {
    const lock = join(home, 'baram.lock')
    return existsSync(lock) ? (JSON.parse(readFileSync(lock, 'utf8')) as { pid: number }).pid : null
  }
  const leftovers = () => listProcesses().filter(({ command }) => command.includes(home))
  /** As `npm start 2>&1 | head -n 1` does. */
  const startUnread = () =>
    spawn('sh', ['-c', `"$0" "$1" standalone --port 0 --no-examples 2>&1 | head -n 1`, process.execPath, program], {
      env: env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  const dagctl = (args: readonly string[], isRead: boolean) =>
    new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = spawn(process.execPath, [program, ...args], { env: env(), stdio: ['ignore', 'pipe', 'pipe'] })
      if (!isRead) child.stdout.destroy()
      let stderr = ''
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString()
      })
      child.on('exit', (code) => resolve({ code, stderr }))
    })

  beforeAll(async () => {
    folder = await makeHome()
    home = join(folder, 'home')
    mkdirSync(join(folder, 'dags'))
    writeFileSync(join(folder, 'dags', 'hello.ts'), HELLO)
  })
  afterAll(async () => {
    const pid = holder()
    if (pid !== null && isAlive(pid)) process.kill(pid, 'SIGTERM')
    await eventually('every process to be gone', () => leftovers().length === 0)
    rmSync(folder, { recursive: true, force: true })
  })

  it('goes on, runs DAGs, and says in its log file what it would have said', async () => {
    startUnread()
    await eventually('the DAG', async () => (await dagctl(['tasks', 'list', 'hello'], true)).code === 0, 60_000)
    expect((await dagctl(['trigger', 'hello', '--wait'], true)).code).toBe(0)
    const scheduler = listProcesses().find(
      ({ command }) => command.includes('main.js scheduler') && command.includes(home),
    )
    process.kill(Number(scheduler?.pid), 'SIGKILL')
    await eventually('the log', () =>
      readFileSync(join(home, 'logs', 'standalone.log'), 'utf8').includes('scheduler ended'),
    )
    expect((await dagctl(['trigger', 'hello', '--wait'], true)).code).toBe(0)
  })

  it.each([
    'version',
    '--help',
    'dags list',
    'dags list -o json',
    'dags list-runs hello',
    'tasks list hello',
    'pools list',
    'users list',
    'logs hello say',
    'logs hello say --follow',
    'trigger hello --wait',
  ])('lets `dagctl %s | head` end quietly', async (command) => {
    expect(await dagctl(command.split(' '), false)).toEqual({ code: 0, stderr: '' })
  })

  it('stops whole when it is told to: no process, no Postgres, no lock', async () => {
    process.kill(Number(holder()), 'SIGTERM')
    await eventually('every process to be gone', () => leftovers().length === 0, 10_000)
    await eventually('the lock to be given back', () => holder() === null)
  })

  it('may be killed: its own processes end, its Postgres serves the next one', async () => {
    startUnread()
    await eventually(
      'it to run',
      async () => (await dagctl(['dags', 'list'], true)).code === 0 && holder() !== null,
      60_000,
    )
    await eventually('all of it', () => leftovers().filter(({ command }) => command.includes('main.js')).length >= 3)
    const killed = Number(holder())
    process.kill(killed, 'SIGKILL')
    const postgres = () => leftovers().filter(({ command }) => !command.includes('main.js'))
    await eventually('its processes to be gone', () => leftovers().length === postgres().length, 15_000)
    const before = postgres().map(({ pid }) => pid)
    expect(before.length).toBeGreaterThan(0)
    startUnread()
    await eventually('the next one', () => holder() !== null && holder() !== killed, 60_000)
    await eventually('it to work', async () => (await dagctl(['trigger', 'hello', '--wait'], true)).code === 0, 60_000)
    expect(postgres().map(({ pid }) => pid)).toEqual(expect.arrayContaining(before.slice(0, 1)))
    process.kill(Number(holder()), 'SIGTERM')
    await eventually('every process to be gone', () => leftovers().length === 0, 10_000)
  }, 180_000)
})
