// `dagctl standalone` as a newcomer meets it: from nothing to a green run, down again without a trace, and on again.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listProcesses } from '../../runtime/processes.ts'
import { eventually } from '../support/baram.ts'
import { makeHome } from '../support/launch-postgres.ts'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const HELLO =
  "import { Dag } from 'baram'\nexport const dag = new Dag('hello', { isPausedUponCreation: false })\ndag.task('say', () => 'hello')()\n"

interface Running {
  readonly process: ChildProcess
  readonly text: () => string
  readonly url: string
}

describe('standalone', () => {
  let folder: string
  let home: string
  const started: ChildProcess[] = []
  const env = () =>
    ({
      ...process.env,
      BARAM_HOME: home,
      BARAM__CORE__DAGS_FOLDER: join(folder, 'dags'),
      NO_COLOR: '1',
    }) as NodeJS.ProcessEnv

  beforeAll(async () => {
    folder = await makeHome()
    home = join(folder, 'home')
    mkdirSync(join(folder, 'dags'))
    writeFileSync(join(folder, 'dags', 'hello.ts'), HELLO)
  })
  afterAll(async () => {
    for (const child of started) await stop(child)
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(...args: string[]): Promise<Running> {
    const child = spawn(process.execPath, [program, 'standalone', '--port', '0', '--no-examples', ...args], {
      env: env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.push(child)
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
    }
    await eventually(
      'standalone to run',
      () => {
        if (child.exitCode !== null) throw new Error(`standalone ended with ${child.exitCode}: ${text}`)
        return text.includes('Ctrl-C')
      },
      60_000,
    )
    return { process: child, text: () => text, url: /(http:\/\/localhost:\d+)/.exec(text)?.[1] ?? '' }
  }
  async function stop(child: ChildProcess): Promise<number> {
    if (child.exitCode !== null || child.signalCode !== null) return 0
    const began = performance.now()
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGINT')
    await gone
    return performance.now() - began
  }
  const dagctl = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const child = spawn(process.execPath, [program, ...args], { env: env(), stdio: ['ignore', 'pipe', 'pipe'] })
      let stdout = ''
      let stderr = ''
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk.toString()
      })
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString()
      })
      child.on('exit', (code) => resolve({ code: code ?? 1, stdout, stderr }))
    })
  const leftovers = () => listProcesses().filter(({ command }) => command.includes(home) || command.includes(folder))

  it('starts from nothing, shows the sign-in link and the first password, and runs a DAG', async () => {
    const { text, url } = await start()
    expect(text()).toMatch(/sign-in\?token=\S{20,}/)
    expect(text()).toMatch(/user admin, password \S{20,}/)
    expect(existsSync(join(home, 'keys', 'secret.key'))).toBe(true)
    const health = (await (await fetch(`${url}/api/v2/monitor/health`)).json()) as Record<string, { status: string }>
    expect(health['metadatabase']?.status).toBe('healthy')
    await eventually('the DAG', async () => (await dagctl('dags', 'list', '-o', 'json')).stdout.includes('hello'))
    const { code, stdout } = await dagctl('trigger', 'hello', '--wait', '-o', 'json')
    expect(code).toBe(0)
    expect(stdout).toContain('"success"')
  })

  it('a second start on the same home refuses, naming the first, and harms nothing', async () => {
    const { code, stderr } = await dagctl('standalone', '--port', '0')
    expect(code).toBe(5)
    expect(stderr).toMatch(/process \d+/)
    expect((await dagctl('dags', 'list')).code).toBe(0)
  })

  it('ends within five seconds and leaves no process', async () => {
    const [first] = started
    if (first === undefined) throw new Error('nothing was started')
    expect(await stop(first)).toBeLessThan(5_000)
    await eventually('every process to be gone', () => leftovers().length === 0, 5_000)
  })

  it('a command without a running server still reads the database', async () => {
    const { code, stdout } = await dagctl('dags', 'list-runs', 'hello', '-o', 'json')
    expect(code).toBe(0)
    expect(stdout).toContain('"success"')
    expect(leftovers()).toEqual([])
  })

  it('goes on where it was, without showing a password again', async () => {
    const { text } = await start()
    expect(text()).not.toContain('password')
    const { stdout } = await dagctl('dags', 'list-runs', 'hello', '-o', 'json')
    expect((JSON.parse(stdout) as unknown[]).length).toBe(1)
  })

  it('after kill -9 of the launcher nothing runs on, and the next start takes over the database', async () => {
    const launcher = started[started.length - 1]
    if (launcher === undefined) throw new Error('nothing was started')
    const gone = new Promise((resolve) => launcher.once('exit', resolve))
    launcher.kill('SIGKILL')
    await gone
    // Postgres stays, for the next start to adopt; everything of ours ends.
    await eventually(
      'our processes to be gone',
      () => listProcesses().every(({ command }) => !command.includes(`${home}/logs/`)),
      15_000,
    )
    const { process: next } = await start()
    const { code } = await dagctl('trigger', 'hello', '--wait')
    expect(code).toBe(0)
    expect(await stop(next)).toBeLessThan(5_000)
    await eventually('every process to be gone', () => leftovers().length === 0, 5_000)
  })

  it('a command where there is no home says so', async () => {
    const elsewhere = join(folder, 'elsewhere')
    const child = spawn(process.execPath, [program, 'dags', 'list'], {
      env: { ...env(), BARAM_HOME: elsewhere },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let text = ''
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    const code = await new Promise((resolve) => child.once('exit', resolve))
    expect(code).toBe(5)
    expect(text).toContain('dagctl standalone')
    expect(existsSync(elsewhere)).toBe(false)
  })

  it('the keys are closed to others, and no log holds the password of the database', () => {
    for (const name of readdirSync(join(home, 'keys')))
      expect(statSync(join(home, 'keys', name)).mode & 0o077, name).toBe(0)
    const password = readFileSync(join(home, 'keys', 'postgres.password'), 'utf8').trim()
    expect(password).toMatch(/^[0-9a-f]{64}$/)
    for (const name of ['scheduler.log', 'worker.log', 'webserver.log', 'postgres.log']) {
      expect(readFileSync(join(home, 'logs', name), 'utf8'), name).not.toContain(password)
    }
  })
})
