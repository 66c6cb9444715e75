import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { thisProcess } from '../../runtime/processes.ts'
import { acquireHomeLock } from '../../services/home-lock.ts'

const textLike = (pattern: RegExp): unknown => expect.stringMatching(pattern)

let program = ''
const folders: string[] = []

beforeAll(async () => {
  program = join(await makeFolder(), 'acquire.mjs')
  const entry = fileURLToPath(new URL('./acquire-lock.ts', import.meta.url))
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
})

interface Contender {
  child: ChildProcess
  said: Promise<string>
}

function contend(home: string): Contender {
  const child = spawn(process.execPath, [program, home], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = once(child.stdout, 'data').then(([chunk]: unknown[]) => String(chunk).trim())
  return { child, said }
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'baram-lock-'))
  folders.push(folder)
  return folder
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

test('a second Baram on the same home is told which process holds it and what to do', async () => {
  const home = await makeFolder()
  const { child, said } = contend(home)
  expect(await said).toBe('won')
  await expect(acquireHomeLock(home)).rejects.toMatchObject({
    code: 'POSTGRES_LOCKED',
    message: textLike(new RegExp(`process ${child.pid}\\).*stop that process.*BARAM_HOME`)),
  })
})

test('a command that holds the home for a moment is waited for, and one that dies amid it is succeeded', async () => {
  const home = await makeFolder()
  const file = join(home, 'baram.lock')
  const command = await acquireHomeLock(home, true)
  const [next, other] = [acquireHomeLock(home, true), acquireHomeLock(home, true)]
  await command.release()
  await (await Promise.race([next, other])).release()
  for (const lock of await Promise.all([next, other])) await lock.release()
  await writeFile(file, JSON.stringify({ id: 'ab', ...thisProcess(), startTime: 'long ago', isBrief: true }))
  await (await acquireHomeLock(home)).release()
})

test('a released home is free, and nothing is left in it', async () => {
  const home = await makeFolder()
  const lock = await acquireHomeLock(home)
  await lock.release()
  await lock.release()
  expect(await readdir(home)).toEqual([])
  await (await acquireHomeLock(home)).release()
})

test('the lock of a killed process is taken over', async () => {
  const home = await makeFolder()
  const { child, said } = contend(home)
  await said
  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = await acquireHomeLock(home)
  expect(await readdir(home)).toEqual(['baram.lock'])
  expect(await readFile(join(home, 'baram.lock'), 'utf8')).toContain(`"pid":${process.pid}`)
  await lock.release()
})

test('a pid that was given to another process does not keep the home', async () => {
  const home = await makeFolder()
  const file = join(home, 'baram.lock')
  await writeFile(file, JSON.stringify({ id: 'abc', ...thisProcess(), startTime: 'another' }))
  await (await acquireHomeLock(home)).release()
})

test('of processes that start together exactly one wins, on a free home and on one left by a dead holder', async () => {
  for (let round = 0; round < 10; round++) {
    const home = await makeFolder()
    if (round % 2 === 1) {
      await writeFile(join(home, 'baram.lock'), JSON.stringify({ id: 'dead', ...thisProcess(), startTime: 'long ago' }))
    }
    const contenders = Array.from({ length: 6 }, () => contend(home))
    const said = await Promise.all(contenders.map((one) => one.said))
    expect(
      said.filter((word) => word === 'won'),
      said.join('\n'),
    ).toHaveLength(1)
    for (const { child } of contenders) child.kill('SIGKILL')
  }
})

test('two takers in one process never both succeed a dead holder', async () => {
  for (let round = 0; round < 50; round++) {
    const home = await makeFolder()
    await writeFile(join(home, 'baram.lock'), JSON.stringify({ id: 'dead', ...thisProcess(), startTime: 'long ago' }))
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireHomeLock(home)))
    const won = results.filter((result) => result.status === 'fulfilled')
    expect(won).toHaveLength(1)
    await won[0]?.value.release()
    expect(await readdir(home)).toEqual([])
  }
})

test('one that died while taking over is itself succeeded', async () => {
  const home = await makeFolder()
  const dead = { ...thisProcess(), startTime: 'long ago' }
  await writeFile(join(home, 'baram.lock'), JSON.stringify({ id: 'aa', ...dead }))
  await writeFile(join(home, 'baram.lock.after-aa'), JSON.stringify({ id: 'bb', ...dead }))
  const lock = await acquireHomeLock(home)
  await expect(acquireHomeLock(home)).rejects.toMatchObject({ code: 'POSTGRES_LOCKED' })
  expect(await readdir(home)).toEqual(['baram.lock'])
  await lock.release()
})

test('a holder in another container counts as alive while it touches its file', async () => {
  const home = await makeFolder()
  const file = join(home, 'baram.lock')
  await writeFile(file, JSON.stringify({ id: 'ab', ...thisProcess(), pidNamespace: 'pid:[1]' }))
  await expect(acquireHomeLock(home)).rejects.toMatchObject({ code: 'POSTGRES_LOCKED' })
  const minuteAgo = new Date(Date.now() - 60_000)
  await utimes(file, minuteAgo, minuteAgo)
  await (await acquireHomeLock(home)).release()
})

test('a folder that is no home is named', async () => {
  await expect(acquireHomeLock('/nonexistent/home')).rejects.toMatchObject({ code: 'HOME_MISSING' })
})
