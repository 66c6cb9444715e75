// What cannot be written now is kept and written later, or missed by number.

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { packageRoot } from '../../runtime/paths.ts'
import { LogWriter } from '../../worker/log-writer.ts'
import { eventually } from '../support/baram.ts'

const program = () => pathToFileURL(join(packageRoot, 'dist', 'worker', 'log-thread.js'))
const line = (n: number) => `${JSON.stringify({ event: `line ${n}` })}\n`
const read = (path: string) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

describe('the writer of attempt logs', () => {
  let folder: string
  let problems: string[]
  const make = (more: Partial<ConstructorParameters<typeof LogWriter>[0]> = {}) => {
    const log = pino({ level: 'error' }, { write: (text: string) => void problems.push(text) })
    return new LogWriter({ log, program, retryMs: 50, ...more })
  }
  const tried = () => eventually('a first try', () => problems.length > 0)
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'baram-logs-'))
    problems = []
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('writes what a full disk refused once there is room, in order, each line once', async () => {
    const path = join(folder, 'a.log')
    symlinkSync('/dev/full', path)
    const writer = make()
    for (let n = 0; n < 100; n++) writer.append(path, line(n))
    await tried()
    writer.append(path, line(100))
    expect(problems.join('')).toContain('ENOSPC')
    rmSync(path)
    await eventually('the log', () => read(path).includes('line 100'))
    expect(read(path)).toBe(Array.from({ length: 101 }, (_, n) => line(n)).join(''))
    await writer.close()
  })

  it('writes the logs beside one that cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '')
    const writer = make()
    writer.append(join(folder, 'file', 'b.log'), line(1))
    await tried()
    writer.append(join(folder, 'c', 'c.log'), line(2))
    await eventually('the other log', () => read(join(folder, 'c', 'c.log')) === line(2))
    rmSync(join(folder, 'file'))
    await eventually('the log itself', () => read(join(folder, 'file', 'b.log')) === line(1))
    await writer.close()
  })

  it('asks for a pause while more comes than is written, and loses nothing of it', async () => {
    const path = join(folder, 'fast.log')
    const paces: boolean[] = []
    const writer = make({ onPace: (isBehind) => paces.push(isBehind) })
    const text = `${JSON.stringify({ event: 'x'.repeat(64 * 1024) })}\n`
    let appended = 0
    while (!paces.includes(true) && appended < 1_000) {
      writer.append(path, text)
      appended++
    }
    expect(paces).toEqual([true])
    await eventually('it to go on', () => paces.length === 2)
    expect(paces).toEqual([true, false])
    await writer.close()
    expect(read(path)).toBe(text.repeat(appended))
  })

  it('lets tasks go on when a write hangs, and asks for no other pause until one has come back', async () => {
    const hanging = join(folder, 'hanging.mjs')
    writeFileSync(
      hanging,
      "import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => undefined)\n",
    )
    const paces: boolean[] = []
    const writer = make({ program: () => pathToFileURL(hanging), stallMs: 50, onPace: (is) => paces.push(is) })
    const append = () => writer.append(join(folder, 'a.log'), `${'z'.repeat(2 * 1_048_576)}\n`)
    append()
    await eventually('the tasks to go on', () => paces.length === 2)
    append()
    expect(paces).toEqual([true, false])
    await writer.close()
  })

  it('asks no task to wait for a disk that takes nothing', async () => {
    const path = join(folder, 'full.log')
    symlinkSync('/dev/full', path)
    const paces: boolean[] = []
    const writer = make({ onPace: (isBehind) => paces.push(isBehind) })
    writer.append(path, line(0))
    await tried()
    for (let n = 0; n < 200; n++) writer.append(path, `${'y'.repeat(64 * 1024)}\n`)
    expect(paces).toEqual([])
    rmSync(path)
    await writer.close()
  })

  it('keeps a bounded part, says in the log how many lines are missing, and keeps the last line', async () => {
    const path = join(folder, 'd.log')
    symlinkSync('/dev/full', path)
    const writer = make({ maxWaiting: 1_000 })
    for (let n = 0; n < 20; n++) writer.append(path, line(n))
    await tried()
    for (let n = 20; n < 1_000; n++) writer.append(path, line(n))
    writer.append(path, '{"event":"Ended: success"}\n', true)
    rmSync(path)
    await eventually('the log', () => read(path).includes('Ended'))
    const events = read(path)
      .trimEnd()
      .split('\n')
      .map((text) => (JSON.parse(text) as { event: string }).event)
    const kept = events.filter((event) => event.startsWith('line')).length
    expect(kept).toBeLessThan(100)
    expect(events.at(-2)).toMatch(new RegExp(`^${1_000 - kept} lines are missing here: ENOSPC`))
    expect(events.at(-1)).toBe('Ended: success')
    await writer.close()
  })

  it('replaces a thread that dies and loses no line', async () => {
    let starts = 0
    const dying = new URL(
      "data:text/javascript,import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(1))",
    )
    const writer = make({ program: () => (++starts <= 2 ? dying : program()) })
    const path = join(folder, 'e.log')
    writer.append(path, line(1))
    await tried()
    writer.append(path, line(2))
    await eventually('the log', () => read(path) === line(1) + line(2))
    expect(starts).toBe(3)
    await writer.close()
  })

  it('ends in time when nothing can be written, and says what is lost', async () => {
    writeFileSync(join(folder, 'file'), '')
    const writer = make()
    writer.append(join(folder, 'file', 'f.log'), line(1))
    await writer.close()
    expect(problems.join('')).toContain('"lines":1')
  })
})
