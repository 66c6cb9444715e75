// A project that `dagctl init` of a fresh clone makes: the commands it prints, its types, its command, and a DAG file with a
// package of the user's own. Beside the real servers, since it installs from one: the registry of npm packages.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/baram.ts'
import { makeHome } from '../support/launch-postgres.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const HELLO = `import { Dag, getRun } from 'baram'
import { greet } from 'greeter'

export const dag = new Dag('greeting', { isPausedUponCreation: false })
const say = dag.task('say', () => ({ text: greet('world'), type: getRun().runType }))
const shout = dag.task('shout', ({ said }: { said: { text: string } }) => said.text.toUpperCase())
shout({ said: say() })
`
const FACADE = `import { Bundle, Dag, getContext } from '@apache-airflow/ts-sdk'

const dag = new Dag('for_airflow', { isPausedUponCreation: false })
dag.task(async function where() {
  return getContext().taskId
})()
await new Bundle(dag).serve()
`

/** `dagctl init` of a clone that has been built, in a folder outside of it; what it says. */
function initFromClone(outside: string): string {
  const clone = join(outside, 'clone')
  execFileSync('git', ['clone', '--quiet', root, clone])
  // As `npm ci` and `npm run build` leave them; neither runs while other tests use the product.
  cpSync(join(root, 'dist'), join(clone, 'dist'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'), 'dir')
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1' }
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(clone, 'dist/cli/main.js'), 'init', 'my-dags'], {
    cwd: outside,
    env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`dagctl init ended with ${status}: ${stderr}`)
  return stdout + stderr
}

describe('a project of its own', () => {
  let home: string
  let folder: string
  let said: string
  let printed: string
  let standalone: ChildProcess | null = null
  const env = () => ({ ...process.env, BARAM_HOME: undefined, NO_COLOR: '1' }) as NodeJS.ProcessEnv
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd: folder, env: env(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  beforeAll(async () => {
    home = await makeHome()
    folder = join(home, 'my-dags')
    said = initFromClone(home)
    // As it is printed, and nothing else.
    printed = execFileSync('bash', ['-c', `set -e; ${/^next: (.*)$/m.exec(said)?.[1]}`], {
      cwd: home,
      env: env(),
      encoding: 'utf8',
    })
    // A package of their own, as a folder: nothing to download.
    mkdirSync(join(folder, 'greeter'))
    writeFileSync(
      join(folder, 'greeter', 'package.json'),
      JSON.stringify({
        name: 'greeter',
        version: '1.0.0',
        type: 'module',
        exports: { types: './index.d.ts', default: './index.js' },
      }),
    )
    writeFileSync(join(folder, 'greeter', 'index.js'), "export const greet = (name) => 'hello ' + name\n")
    writeFileSync(join(folder, 'greeter', 'index.d.ts'), 'export declare const greet: (name: string) => string\n')
    const facade = '@apache-airflow/ts-sdk@file:node_modules/baram/sdk/facade/package'
    run('npm', 'install', '--no-audit', '--no-fund', './greeter', facade)
    writeFileSync(join(folder, 'dags', 'greeting.ts'), HELLO)
    writeFileSync(join(folder, 'dags', 'for-airflow.ts'), FACADE)
  }, 300_000)

  afterAll(async () => {
    if (standalone !== null && standalone.exitCode === null) {
      const gone = new Promise((resolve) => standalone?.once('exit', resolve))
      standalone.kill('SIGINT')
      await gone
    }
    rmSync(home, { recursive: true, force: true })
  })

  it('is made with the product beside its package.json, and the commands that init prints work', () => {
    expect(said).toMatch(/^made {2}my-dags\/baram-\d+\.\d+\.\d+\.tgz$/m)
    expect(printed).toContain('hello  runs on Airflow: no')
    expect(printed).toMatch(/Tests +2 passed/)
  })

  it('can make another one: an installed product packs itself', () => {
    const made = run('npx', 'dagctl', 'init', 'again')
    expect(made).toMatch(/^made {2}again\/baram-.*\.tgz$/m)
    const [tarball = ''] = readdirSync(join(folder, 'again')).filter((name) => name.endsWith('.tgz'))
    const files = (file: string) => execFileSync('tar', ['tzf', file], { encoding: 'utf8' }).split('\n').sort()
    expect(files(join(folder, 'again', tarball))).toEqual(files(join(folder, tarball)))
    rmSync(join(folder, 'again'), { recursive: true })
  }, 60_000)

  it('tsc checks DAG files against its types', () => {
    expect(run('npx', 'tsc', '-p', '.')).toBe('')
    writeFileSync(
      join(folder, 'dags', 'wrong.ts'),
      HELLO.replace("'greeting'", "'wrong'").replace('{ said: say() }', '{ said: 42 }'),
    )
    expect(() => run('npx', 'tsc', '-p', '.')).toThrow()
    rmSync(join(folder, 'dags', 'wrong.ts'))
  }, 60_000)

  it('its dagctl checks them and runs one, without a home', () => {
    const checked = run('npx', 'dagctl', 'check')
    expect(checked).toContain('for_airflow  runs on Airflow: yes')
    expect(checked).toContain('greeting  runs on Airflow: no, because it imports')
    const tried = run('npx', 'dagctl', 'test', 'greeting', '--show-xcoms')
    expect(tried).toMatch(/^shout return_value "/m)
    expect(existsSync(join(folder, '.baram'))).toBe(false)
  }, 60_000)

  it('its dagctl standalone runs them, and ends within five seconds of Ctrl-C', async () => {
    standalone = spawn(join(folder, 'node_modules', '.bin', 'dagctl'), ['standalone', '--port', '0', '--no-examples'], {
      cwd: folder,
      env: env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    standalone.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    await eventually('standalone to run', () => text.includes('Ctrl-C'), 60_000)
    expect(existsSync(join(folder, '.baram', 'keys', 'secret.key'))).toBe(true)
    await eventually(
      'both DAGs',
      () =>
        run('npx', 'dagctl', 'dags', 'list', '-o', 'plain')
          .split('\n')
          .filter((line) => /^(greeting|for_airflow)\t/.test(line)).length === 2,
      60_000,
    )
    expect(run('npx', 'dagctl', 'trigger', 'greeting', '--wait', '-o', 'json')).toContain('"success"')
    expect(run('npx', 'dagctl', 'trigger', 'for_airflow', '--wait', '-o', 'json')).toContain('"success"')
  }, 180_000)
})
