// The packed package in somebody's empty folder: its types, its command, and a DAG file of their own with their own package.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/baram.ts'
import { makeHome } from '../support/launch-postgres.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}

const HELLO = `import { Dag, getRun } from 'baram'
import { greet } from 'greeter'

export const dag = new Dag('hello', { isPausedUponCreation: false })
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

describe('the packed package', () => {
  let folder: string
  let standalone: ChildProcess | null = null
  const env = () => ({ ...process.env, BARAM_HOME: undefined, NO_COLOR: '1' }) as NodeJS.ProcessEnv
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd: folder, env: env(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  beforeAll(async () => {
    folder = await makeHome()
    // The product is built already: packing must not build it again while other tests run it.
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root, stdio: 'ignore' })
    const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'my-dags', private: true, type: 'module' }))
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
    const tools = ['typescript', '@types/node'].map((name) => `${name}@${dependencies[name]}`)
    run(
      'npm',
      'install',
      '--no-audit',
      '--no-fund',
      `./${archive}`,
      './greeter',
      '@apache-airflow/ts-sdk@file:node_modules/baram/facade',
      ...tools,
    )
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'es2022',
          module: 'nodenext',
          strict: true,
          noEmit: true,
          skipLibCheck: true,
          types: ['node'],
        },
        include: ['dags'],
      }),
    )
    mkdirSync(join(folder, 'dags'))
    writeFileSync(join(folder, 'dags', 'hello.ts'), HELLO)
    writeFileSync(join(folder, 'dags', 'for-airflow.ts'), FACADE)
  }, 300_000)

  afterAll(async () => {
    if (standalone !== null && standalone.exitCode === null) {
      const gone = new Promise((resolve) => standalone?.once('exit', resolve))
      standalone.kill('SIGINT')
      await gone
    }
    rmSync(folder, { recursive: true, force: true })
  })

  it('tsc checks DAG files against its types', () => {
    expect(run('npx', 'tsc', '-p', '.')).toBe('')
    writeFileSync(
      join(folder, 'dags', 'wrong.ts'),
      HELLO.replace("'hello'", "'wrong'").replace('{ said: say() }', '{ said: 42 }'),
    )
    expect(() => run('npx', 'tsc', '-p', '.')).toThrow()
    rmSync(join(folder, 'dags', 'wrong.ts'))
  }, 60_000)

  it('its dagctl checks them and runs one, without a home', () => {
    const checked = run('npx', 'dagctl', 'check')
    expect(checked).toContain('for_airflow  runs on Airflow: yes')
    expect(checked).toContain('hello  runs on Airflow: no, because it imports')
    const tried = run('npx', 'dagctl', 'test', 'hello', '--show-xcoms')
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
          .filter((line) => /^(hello|for_airflow)\t/.test(line)).length === 2,
      60_000,
    )
    expect(run('npx', 'dagctl', 'trigger', 'hello', '--wait', '-o', 'json')).toContain('"success"')
    expect(run('npx', 'dagctl', 'trigger', 'for_airflow', '--wait', '-o', 'json')).toContain('"success"')
  }, 180_000)
})
