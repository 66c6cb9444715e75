// Commands as tasks: how they end, what they see, what is left of them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { BashFailedError, type BashOptions, bashWith } from '../../../operators/bash/bash.ts'
import { isAlive } from '../../../runtime/processes.ts'
import { FailTask, SkipTask } from '../../../sdk/index.ts'
import {
  abortedAt,
  type MadeUp,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  temporaryFolder,
} from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

/** Runs options as rendered: what stands here is what bash gets. */
async function run(options: BashOptions | string, world: Partial<MadeUp> = {}, settings = {}) {
  const op = madeUpContext({ embeddedRoot: '/nowhere', ...world })
  const given = typeof options === 'string' ? { bashCommand: options } : options
  const value = await bashWith({ graceMs: 100, ...settings }, given).execute(op, {})
  return { value, lines: op.lines.map((line) => line.message), op }
}

const gone = async (pid: number) => {
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
}

describe('a command', () => {
  test('gives its last line as XCom and all of them to the log', async () => {
    const { value, lines } = await run('echo 하나; echo "둘 \\"셋\\""')
    expect(value).toBe('둘 "셋"')
    expect(lines.slice(1, 3)).toEqual(['하나', '둘 "셋"'])
  })

  test('has both outputs in one, in the order they were written', async () => {
    const { value, lines } = await run('echo a; echo b >&2; echo c; echo d >&2')
    expect(lines.slice(1, 5)).toEqual(['a', 'b', 'c', 'd'])
    expect(value).toBe('d')
  })

  test('that fails tells its code and its last output', async () => {
    const failed = run('echo working; echo "no such table" >&2; exit 7')
    await expect(failed).rejects.toThrow(BashFailedError)
    await expect(failed).rejects.toThrow(/returned exit code 7; its last output:\nworking\nno such table/)
    await expect(run('exit 1')).rejects.toThrow('it printed nothing')
  })

  test('that is killed by a signal says which', async () => {
    const failed = run('kill -SEGV $$')
    await expect(failed).rejects.toMatchObject({ exitCode: -11 })
    await expect(failed).rejects.toThrow(/was ended by SIGSEGV/)
  })

  test('fails when a command that is not there is its last', async () => {
    await expect(run('no_such_command_here')).rejects.toMatchObject({ exitCode: 127 })
  })

  test.each([
    { options: {}, code: 99 },
    { options: { skipOnExitCode: 3 }, code: 3 },
    { options: { skipOnExitCode: [3, 4] }, code: 4 },
    { options: { skipOnExitCode: 0 }, code: 0 },
  ])('skips the task with $code given $options', async ({ options, code }) => {
    await expect(run({ bashCommand: `exit ${code}`, ...options })).rejects.toThrow(SkipTask)
  })

  test('fails with 99 where that does not skip', async () => {
    await expect(run({ bashCommand: 'exit 99', skipOnExitCode: null })).rejects.toThrow(BashFailedError)
    await expect(run({ bashCommand: 'exit 99', skipOnExitCode: 3 })).rejects.toThrow(BashFailedError)
  })

  test('that floods its output is told whole, and ends', async () => {
    const { value, op } = await run('yes 0123456789012345678901234567890123456789 | head -n 50000; echo end')
    expect(value).toBe('end')
    expect(op.lines.filter(({ message }) => message.startsWith('0123'))).toHaveLength(50_000)
  })

  test('reads nothing from the worker', async () => {
    expect((await run('cat; echo "[$(wc -c)]"')).value).toBe('[0]')
  })

  test('longer than the system takes fails with what to do', async () => {
    await expect(run(`echo ${'x'.repeat(200_000)}`)).rejects.toThrow(/put it into a file/)
  })

  test('with a NUL in it is refused', async () => {
    await expect(run('echo \0')).rejects.toThrow(FailTask)
  })

  test('without bash on the host says so', async () => {
    await expect(run('true', {}, { path: '/nonexistent:relative' })).rejects.toThrow(
      /bash was not found on this worker/,
    )
  })
})

describe('the environment of a command', () => {
  const hostile = `'; touch /tmp/owned; echo "$(id)" \`id\` \\ \n $HOME 한글`

  test('carries any text to it, unread by bash', async () => {
    const folder = await temporaryFolder()
    const out = join(folder, 'value')
    await run({ bashCommand: 'printf %s "$VALUE" > "$OUT"', env: { VALUE: hostile, OUT: out } })
    expect(await readFile(out, 'utf8')).toBe(hostile)
  })

  test('is the worker’s when none is given, only the given when one is, both with appendEnv', async () => {
    const home = process.env['HOME'] ?? ''
    expect((await run('echo "$HOME"')).value).toBe(home)
    expect((await run({ bashCommand: 'echo "[$HOME]"', env: { A: '1' } })).value).toBe('[]')
    expect((await run({ bashCommand: 'echo "$HOME$A"', env: { A: '1' }, appendEnv: true })).value).toBe(`${home}1`)
    expect((await run({ bashCommand: 'echo "$HOME"', env: { HOME: '/mine' }, appendEnv: true })).value).toBe('/mine')
  })

  test('names the task as Airflow does', async () => {
    const names = ['DAG_ID', 'TASK_ID', 'DAG_RUN_ID', 'TRY_NUMBER', 'LOGICAL_DATE'].map(
      (name) => `$AIRFLOW_CTX_${name}`,
    )
    const { value } = await run({ bashCommand: `echo "${names.join(' ')}"`, env: {} }, { tryNumber: 2 })
    expect(value).toBe('min_candle task scheduled__2024-03-18T00:00:00+00:00 2 2024-03-18T00:00:00+00:00')
  })

  test('takes what native templates give as JSON, and no NUL', async () => {
    // Rendered values are what the template gave, whatever the type says.
    const env = { ROWS: [1, { a: 'b' }] as unknown as string, N: 5 as unknown as string }
    expect((await run({ bashCommand: 'echo "$ROWS $N"', env })).value).toBe('[1,{"a":"b"}] 5')
    await expect(run({ bashCommand: 'true', env: { A: 'x\0y' } })).rejects.toThrow(/env.A holds a NUL/)
  })

  test('is read from the rendered options, not from those the author gave', async () => {
    const operator = bashWith({}, { bashCommand: '{{unrendered}}', env: { A: '{{unrendered}}' } })
    expect(operator.templateFields).toEqual(['bashCommand', 'env', 'cwd'])
    const rendered = { ...operator.options, bashCommand: 'echo "$A"', env: { A: 'rendered' } }
    expect(await operator.execute(madeUpContext({ embeddedRoot: '/nowhere' }), {}, rendered)).toBe('rendered')
  })
})

describe('the folder of a command', () => {
  test('is a new one that is gone afterwards, whatever the end', async () => {
    const { value } = await run('touch left-behind; mkdir -p a/b; pwd')
    expect(value).toContain('baram-bash-')
    expect(existsSync(value)).toBe(false)
    const failed = await run('pwd; exit 1').catch((error: unknown) => error)
    const folder = /\/\S*baram-bash-\S+/.exec(String(failed))?.[0] ?? '/'
    expect(existsSync(folder)).toBe(false)
  })

  test('is the given one, which stays', async () => {
    const cwd = join(await temporaryFolder(), '폴더 with spaces')
    await mkdir(cwd)
    await run({ bashCommand: 'echo 1 > file', cwd })
    expect(await readFile(join(cwd, 'file'), 'utf8')).toBe('1\n')
  })

  test('must exist and be a folder', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'file'), '')
    await expect(run({ bashCommand: 'true', cwd: join(folder, 'missing') })).rejects.toThrow(
      /does not exist on this host/,
    )
    await expect(run({ bashCommand: 'true', cwd: join(folder, 'file') })).rejects.toThrow(/is not a folder/)
  })
})

describe('an attempt that must stop', () => {
  test('ends the command and what it started, with the reason it was given', async () => {
    const folder = await temporaryFolder()
    const op = abortedAt('started')
    const command = `sleep 1000 & echo $! > ${folder}/pid; trap 'echo cleaning up; exit 0' TERM; echo started; wait`
    await expect(bashWith({ graceMs: 60_000 }, { bashCommand: command }).execute(op, {})).rejects.toThrow(
      'its time limit',
    )
    expect(op.lines.map((line) => line.message)).toContain('cleaning up')
    await gone(Number(await readFile(join(folder, 'pid'), 'utf8')))
  })

  test('kills what ignores SIGTERM', async () => {
    const folder = await temporaryFolder()
    const op = abortedAt('started')
    const stubborn = `trap '' TERM; (trap '' TERM; echo $BASHPID > ${folder}/child; sleep 1000) & echo $$ > ${folder}/pid; echo started; wait; wait`
    await expect(bashWith({ graceMs: 50 }, { bashCommand: stubborn }).execute(op, {})).rejects.toThrow('its time limit')
    for (const name of ['pid', 'child']) await gone(Number(await readFile(join(folder, name), 'utf8')))
  })

  test('is not kept waiting by what left its group and holds the output', async () => {
    const folder = await temporaryFolder()
    const op = abortedAt('started')
    const escaping = `setsid sleep 1000 & echo $! > ${folder}/pid; echo started; wait`
    await expect(bashWith({ graceMs: 50 }, { bashCommand: escaping }).execute(op, {})).rejects.toThrow('its time limit')
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })

  test('before it began starts nothing', async () => {
    const folder = await temporaryFolder()
    const signal = AbortSignal.abort(new Error('cleared'))
    await expect(run(`touch ${folder}/ran`, { signal })).rejects.toThrow('cleared')
    expect(existsSync(join(folder, 'ran'))).toBe(false)
  })
})

test('what a command left running in the background is gone after it', async () => {
  const folder = await temporaryFolder()
  await run(`sleep 1000 > /dev/null 2>&1 & echo $! > ${folder}/pid`)
  await gone(Number(await readFile(join(folder, 'pid'), 'utf8')))
})

test('a command does not outlive the process that runs its attempt', async () => {
  const folder = await temporaryFolder()
  const script = join(folder, 'attempt.mjs')
  const module = new URL('../../../operators/subprocess/process.ts', import.meta.url)
  // The product's own module, as plain JavaScript: Node 20 cannot read its types.
  const { transform } = await import('esbuild')
  const { code } = await transform(await readFile(module, 'utf8'), { loader: 'ts' })
  await writeFile(join(folder, 'process.mjs'), code)
  await writeFile(
    script,
    `import { runCommand } from './process.mjs'
    const command = 'echo $$; sleep 1000'
    const output = (chunk) => process.stdout.write(chunk)
    await runCommand({ shell: '/bin/sh', program: '/bin/bash', args: ['-c', command], cwd: '/', env: { PATH: process.env.PATH },
      signal: new AbortController().signal, graceMs: 1000, output })`,
  )
  const attempt = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [first] = (await once(attempt.stdout, 'data')) as [Buffer]
  const pid = Number(first.toString())
  expect(isAlive(pid)).toBe(true)
  attempt.kill('SIGKILL')
  await gone(pid)
})

test('options that cannot be are told while the DAG is read', () => {
  expect(() => bashWith({}, { bashCommand: 'true', skipOnExitCode: 1.5 })).toThrow(/whole numbers/)
  expect(() => bashWith({}, { bashCommand: 'true', outputEncoding: 'klingon' })).toThrow(/klingon/)
})
