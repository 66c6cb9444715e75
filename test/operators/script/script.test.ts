// Scripts as tasks: what reaches them, what they hand on, how they end, in both languages.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { nodeWith } from '../../../operators/script/node.ts'
import { pythonWith } from '../../../operators/script/python.ts'
import { ScriptResultError } from '../../../operators/script/result.ts'
import { ScriptFailedError, type ScriptOptions, type ScriptSettings } from '../../../operators/script/script.ts'
import { isAlive } from '../../../runtime/processes.ts'
import { FailTask, type JsonValue, SkipTask } from '../../../sdk/index.ts'
import {
  abortedAt,
  type MadeUp,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  runOf,
  temporaryFolder,
} from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

const make = { python: pythonWith, node: nodeWith }
type Name = keyof typeof make

interface Given {
  readonly world?: Partial<MadeUp>
  readonly inputs?: object
  readonly settings?: ScriptSettings
}

async function run(name: Name, options: ScriptOptions | string, { world, inputs = {}, settings }: Given = {}) {
  const op = madeUpContext({ embeddedRoot: '/nowhere', ...world })
  const given = typeof options === 'string' ? { code: options } : options
  const value = await make[name]<object, JsonValue>({ graceMs: 100, ...settings }, given).execute(op, inputs)
  return { value, lines: op.lines.map((line) => line.message), op }
}

/** The same small programs in each language. */
const PROGRAMS = {
  python: {
    all: `import json, os, sys
json.dump({'args': sys.argv[1:], 'inputs': json.load(sys.stdin), 'context': json.loads(os.environ['BARAM_CONTEXT']),
  'env': os.environ.get('VALUE'), 'home': os.environ.get('HOME')}, open(os.environ['BARAM_RESULT'], 'w'))`,
    write: (text: string) =>
      `import os; open(os.environ['BARAM_RESULT'], 'wb').write(${JSON.stringify(text)}.encode())`,
    print: `import sys
print('하나')
sys.stderr.write('둘\\n')
print('셋')`,
    exit: (code: number) => `print('working'); raise SystemExit(${code})`,
    raise: `raise ValueError('no such day')`,
    cwd: `import os; open(os.environ['BARAM_RESULT'], 'w').write('"' + os.getcwd() + '"')`,
    sleep: (pid: string) => `import os, subprocess, time
child = subprocess.Popen(['sleep', '1000'])
open(${JSON.stringify(pid)}, 'w').write('%d %d' % (os.getpid(), child.pid))
print('started')
time.sleep(1000)`,
  },
  node: {
    all: `import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
const { BARAM_CONTEXT, BARAM_RESULT, VALUE, HOME } = process.env
const inputs = JSON.parse(await text(process.stdin))
writeFileSync(BARAM_RESULT, JSON.stringify({ args: process.argv.slice(1), inputs, context: JSON.parse(BARAM_CONTEXT),
  env: VALUE ?? null, home: HOME ?? null }))`,
    write: (text: string) =>
      `import { writeFileSync } from 'node:fs'; writeFileSync(process.env.BARAM_RESULT, ${JSON.stringify(text)})`,
    print: `process.stdout.write('하나\\n')
process.stderr.write('둘\\n')
process.stdout.write('셋\\n')`,
    exit: (code: number) => `process.stdout.write('working\\n'); process.exitCode = ${code}`,
    raise: `throw new RangeError('no such day')`,
    cwd: `import { writeFileSync } from 'node:fs'; writeFileSync(process.env.BARAM_RESULT, JSON.stringify(process.cwd()))`,
    sleep: (pid: string) => `import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
const child = spawn('sleep', ['1000'])
writeFileSync(${JSON.stringify(pid)}, process.pid + ' ' + child.pid)
console.log('started')
setInterval(() => {}, 1000)`,
  },
}

const HOSTILE = `'; import os; os.system("touch /tmp/owned") # $(id) \`id\` "\${process}" \\ \n --eval=1 한글`

describe.each([
  { name: 'python', isThere: spawnSync('python3', ['--version']).status === 0 },
  { name: 'node', isThere: true },
] as const)('a $name script', ({ name, isThere }) => {
  // A host without Python reports these as skipped.
  if (!isThere) beforeEach((context) => context.skip('python3 is not on this host'))
  const program = PROGRAMS[name]

  test('gets arguments, inputs and environment as data, whatever they hold', async () => {
    const options = { code: program.all, args: ['--flag', HOSTILE, ''], env: { VALUE: HOSTILE } }
    const { value } = await run(name, options, { inputs: { text: HOSTILE, rows: [1, { a: null }] } })
    expect(value).toMatchObject({
      args: ['--flag', HOSTILE, ''],
      inputs: { text: HOSTILE, rows: [1, { a: null }] },
      env: HOSTILE,
    })
  })

  test('reads an empty object when the task has no inputs', async () => {
    expect((await run(name, program.all)).value).toMatchObject({ inputs: {}, args: [] })
  })

  test('is told its attempt in BARAM_CONTEXT', async () => {
    const scheduled = runOf(new Date('2024-03-17T20:00:00Z'), new Date('2024-03-17T21:00:00.250Z'))
    const world = { tryNumber: 2, run: { ...scheduled, conf: { full: true }, params: { day: '월' } } }
    const { value } = await run(name, program.all, { world })
    expect(value).toMatchObject({
      context: {
        dagId: 'min_candle',
        taskId: 'task',
        runId: 'scheduled__2024-03-17T20:00:00+00:00',
        runType: 'scheduled',
        tryNumber: 2,
        mapIndex: -1,
        logicalDate: '2024-03-17T20:00:00+00:00',
        ds: '2024-03-17',
        dataInterval: { start: '2024-03-17T20:00:00+00:00', end: '2024-03-17T21:00:00.250+00:00' },
        timezone: 'Asia/Seoul',
        local: { ds: '2024-03-18' },
        conf: { full: true },
        params: { day: '월' },
      },
    })
  })

  test('is told that a manual run has no date', async () => {
    const { run: manual } = madeUpContext({ embeddedRoot: '/' })
    const world = { run: { ...manual, logicalDate: null, dataInterval: null } }
    expect((await run(name, program.all, { world })).value).toMatchObject({
      context: { logicalDate: null, ds: null, dataInterval: null },
    })
  })

  test('has the worker’s environment, or with inheritEnv false only the given one', async () => {
    const home = process.env['HOME'] ?? ''
    expect((await run(name, program.all)).value).toMatchObject({ home })
    expect((await run(name, { code: program.all, env: { HOME: '/mine' } })).value).toMatchObject({ home: '/mine' })
    const alone = { code: program.all, inheritEnv: false, env: { VALUE: '1' } }
    expect((await run(name, alone)).value).toMatchObject({ home: null, env: '1' })
  })

  test('prints to the log line by line, both outputs in the order they were written', async () => {
    const { lines, value } = await run(name, program.print)
    expect(lines).toEqual(['running', '하나', '둘', '셋', 'the script has ended'])
    expect(value).toBeUndefined()
  })

  test('need not read what it is given', async () => {
    const inputs = { rows: 'x'.repeat(1_000_000) }
    expect((await run(name, program.write('1'), { inputs })).value).toBe(1)
  })

  test.each([
    ['"한글"', '한글'],
    ['null', null],
    ['[1, {"a": 0.5}]\n', [1, { a: 0.5 }]],
  ])('hands on the JSON it wrote: %s', async (text, value) => {
    expect((await run(name, program.write(text))).value).toEqual(value)
  })

  test.each([
    ['', /does not hold one JSON value: it is empty/],
    ['{"a": 1', /does not hold one JSON value/],
    ['{"a": NaN}', /no NaN and no Infinity .*allow_nan=False/],
    ['1 2', /does not hold one JSON value/],
  ])('that wrote %j fails with what is wrong with it', async (text, message) => {
    const failed = run(name, program.write(text))
    await expect(failed).rejects.toThrow(ScriptResultError)
    await expect(failed).rejects.toThrow(message)
  })

  test('that wrote more than an XCom may have says how much', async () => {
    const { write } = program
    const options = { code: write('"<>"').replaceAll('<>', 'x'.repeat(20_000)), args: [] }
    expect((await run(name, options)).value).toBe('x'.repeat(20_000))
    const large = await temporaryFolder()
    await writeFile(join(large, 'source'), `"${'x'.repeat(1_048_576)}"`)
    const copy =
      name === 'python'
        ? "import os, shutil; shutil.copy('source', os.environ['BARAM_RESULT'])"
        : "import { copyFileSync } from 'node:fs'; copyFileSync('source', process.env.BARAM_RESULT)"
    await expect(run(name, { code: copy, cwd: large })).rejects.toThrow(/has 1048578 bytes, an XCom may have 1048576/)
  })

  test('skips the task with 99, or the codes of skipOnExitCode, and fails with others', async () => {
    await expect(run(name, program.exit(99))).rejects.toThrow(SkipTask)
    await expect(run(name, { code: program.exit(3), skipOnExitCode: [3, 4] })).rejects.toThrow(SkipTask)
    await expect(run(name, { code: program.exit(99), skipOnExitCode: null })).rejects.toThrow(ScriptFailedError)
    const failed = run(name, program.exit(7))
    await expect(failed).rejects.toMatchObject({ exitCode: 7 })
    await expect(failed).rejects.toThrow(`the ${name} script returned exit code 7; its last output:\nworking`)
  })

  test('that raises tells the error', async () => {
    await expect(run(name, program.raise)).rejects.toThrow(/Error: no such day/)
  })

  test('runs in a new folder that is gone afterwards, or in cwd', async () => {
    const { value } = await run(name, program.cwd)
    expect(value).toContain(`baram-${name}-`)
    expect(existsSync(String(value))).toBe(false)
    const cwd = join(await temporaryFolder(), '폴더 with spaces')
    await mkdir(cwd)
    expect((await run(name, { code: program.cwd, cwd })).value).toBe(cwd)
    await expect(run(name, { code: program.cwd, cwd: join(cwd, 'missing') })).rejects.toThrow(
      /does not exist on this host/,
    )
  })

  test('may be a file, absolute or below cwd', async () => {
    const cwd = await temporaryFolder()
    const script = name === 'python' ? 'a job.py' : 'a job.mjs'
    await writeFile(join(cwd, script), program.write('"ran"'))
    expect((await run(name, { script: join(cwd, script) })).value).toBe('ran')
    expect((await run(name, { script, cwd })).value).toBe('ran')
    await expect(run(name, { script })).rejects.toThrow(/must be absolute, or below a cwd/)
    await expect(run(name, { script: join(cwd, 'missing') })).rejects.toThrow(/is not a file of this host/)
  })

  test('without its interpreter on the host says so', async () => {
    const missing = { code: program.print, interpreter: 'no-such-interpreter' }
    await expect(run(name, missing)).rejects.toThrow(
      new RegExp(`^${name}: no-such-interpreter was not found on this worker \\(PATH is .*\\): install it`),
    )
    const path = { code: program.print, interpreter: '/opt/none/bin/run' }
    await expect(run(name, path)).rejects.toThrow('/opt/none/bin/run cannot be run on this worker')
    await expect(run(name, { code: program.print, interpreter: 'bin/run' })).rejects.toThrow(FailTask)
  })

  test('and what it started end with the attempt', async () => {
    const pids = join(await temporaryFolder(), 'pids')
    const op = abortedAt('started')
    const operator = make[name]({ graceMs: 60_000 }, { code: program.sleep(pids) })
    await expect(operator.execute(op, {})).rejects.toThrow('its time limit')
    for (const pid of (await readFile(pids, 'utf8')).split(' ').map(Number))
      await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
  })

  test('longer than the system takes fails with what to do', async () => {
    await expect(run(name, { code: program.print, args: ['x'.repeat(200_000)] })).rejects.toThrow(
      /longer than the system takes .* data into the task’s inputs/,
    )
  })

  test('with a NUL in an argument or a variable is refused', async () => {
    await expect(run(name, { code: program.print, args: ['a', 'b\0c'] })).rejects.toThrow(/args\[1\] holds a NUL/)
    await expect(run(name, { code: program.print, env: { A: '\0' } })).rejects.toThrow(/env\.A holds a NUL/)
  })

  test('has its code never rendered as a template, but everything that carries data', () => {
    const operator = make[name]({}, { code: 'print("{{ds}}")' })
    expect(operator.templateFields).toEqual(['script', 'args', 'env', 'cwd', 'interpreter'])
    expect(operator.options).toMatchObject({ skipOnExitCode: 99, inheritEnv: true })
  })
})

test('options that cannot be are told while the DAG is read', () => {
  const refuse = (options: object) => () => pythonWith({}, options as ScriptOptions)
  expect(refuse({})).toThrow('python: give either script or code')
  expect(refuse({ script: 'a.py', code: 'pass' })).toThrow('python: give either script or code')
  expect(refuse({ code: ' ' })).toThrow('python: code is empty')
  expect(refuse({ code: 'a\0' })).toThrow('NUL')
  expect(refuse({ code: 'pass', args: 'a b' })).toThrow('args must be a list')
  expect(refuse({ code: 'pass', skipOnExitCode: 1.5 })).toThrow('whole numbers')
})
