// One attempt's log on disk: lines that can be read whatever was printed, without secrets, bounded, with their end last.

import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Masker } from '../../core/masker.ts'
import { LogFile, type LogFileOptions } from '../../worker/log-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'baram-log-file-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(() => void vi.useRealTimers())

let made = 0

function make(more: Partial<LogFileOptions> = {}) {
  const path = join(folder, `attempt=${++made}.log`)
  const masker = new Masker()
  const writes: { readonly size: number; readonly isEnd: boolean }[] = []
  const log = new LogFile({
    path,
    masker,
    maxBytes: 1e9,
    write: (to, text, isEnd) => {
      writes.push({ size: text.length, isEnd })
      appendFileSync(to, text)
    },
    ...more,
  })
  const text = () => readFileSync(path, 'utf8')
  const lines = () =>
    text()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { event: string; [key: string]: unknown })
  return { log, masker, writes, text, lines, events: () => lines().map(({ event }) => event) }
}

const END = { level: 'info', event: 'Ended: success after 1 s' } as const
const told = (event: string, more: object = {}) =>
  ({ attempt: 1, at: [0, 0], level: 'info', event, more: more as never }) as const

describe('a line', () => {
  it('tells who said it, how grave it is, and when', () => {
    vi.setSystemTime('2024-03-18T09:00:00Z')
    const { log, lines } = make()
    log.say('warning', 'The worker is stopping')
    log.print('stdout', 'printed\n')
    log.print('stderr', 'complained\n')
    log.tell(told('told', { fields: { rows: 3 } }))
    log.close(END)
    const timestamp = '2024-03-18T09:00:00.000Z'
    expect(lines()).toEqual([
      { timestamp, level: 'warning', logger: 'baram', event: 'The worker is stopping' },
      { timestamp, level: 'info', logger: 'task.stdout', event: 'printed' },
      { timestamp, level: 'error', logger: 'task.stderr', event: 'complained' },
      { timestamp, level: 'info', logger: 'task', event: 'told', fields: { rows: 3 } },
      { timestamp, level: 'info', logger: 'baram', event: END.event },
    ])
  })

  it('stays one line, and JSON, whatever a task says', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 20 }), (texts) => {
        const { log, lines } = make()
        for (const text of texts) {
          log.print('stdout', `${text}\n`)
          log.tell(told(text, { [text]: text }))
        }
        log.close(END)
        expect(lines().at(-1)?.event).toBe(END.event)
        expect(lines().filter(({ logger }) => logger === 'task')).toHaveLength(texts.length)
      }),
      { numRuns: 50 },
    )
  })

  it('of a task cannot pass for one of ours', () => {
    const { log, lines } = make()
    log.print('stdout', `${JSON.stringify({ logger: 'baram', ...END })}\n`)
    log.tell(told('forged', { logger: 'baram', level: 'error', event: 'Ended: failed' }))
    log.close(null)
    expect(lines().map(({ logger, event }) => [logger, event])).toEqual([
      ['task.stdout', JSON.stringify({ logger: 'baram', ...END })],
      ['task', 'forged'],
    ])
  })
})

describe('a secret', () => {
  const SECRET = 'tok-5f2e9c77aa'

  it('is nowhere in the file: not in what is printed, told, said, not in names and not in depth', () => {
    const { log, masker, text } = make()
    masker.add([SECRET])
    log.print('stdout', `is ${SECRET.slice(0, 5)}`)
    log.print('stdout', `${SECRET.slice(5)} in two pieces\n`)
    log.print('stderr', `${SECRET}\n`)
    log.tell(told(SECRET, { [SECRET]: [{ deep: SECRET }], fields: { [SECRET]: 1 }, exception: { message: SECRET } }))
    log.say('error', `Ended with ${SECRET}`)
    log.close({ level: 'error', event: SECRET })
    expect(text()).not.toContain(SECRET)
    expect(text()).toContain('***')
  })

  it('that reads like a key of ours destroys no line', () => {
    const { log, masker, lines } = make()
    masker.add(['event'])
    log.tell(told('an event', { event: 'event' }))
    log.close(END)
    expect(lines()[0]).toMatchObject({ logger: 'task', level: 'info', event: 'an ***' })
  })
})

describe('a log', () => {
  it('writes together what comes within a moment, and waits no longer', () => {
    const { log, writes, events } = make()
    for (let n = 0; n < 10; n++) log.say('info', `line ${n}`)
    expect(writes).toEqual([])
    vi.advanceTimersByTime(100)
    expect(events()).toHaveLength(10)
    log.say('info', 'later')
    vi.advanceTimersByTime(100)
    expect(writes.map(({ isEnd }) => isEnd)).toEqual([false, false])
    log.close(END)
    expect(writes.map(({ isEnd }) => isEnd)).toEqual([false, false, true])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('of a task that prints a lot does not gather it in memory', () => {
    const { log, writes } = make()
    for (let n = 0; n < 100; n++) log.print('stdout', `${'x'.repeat(10_000)}\n`)
    expect(writes.length).toBeGreaterThan(10)
    expect(Math.max(...writes.map(({ size }) => size))).toBeLessThan(100_000)
    log.close(END)
  })

  it('ends with how the attempt ended, after a line that was not finished', () => {
    const { log, events } = make()
    log.print('stdout', 'half a line')
    log.close(END)
    expect(events()).toEqual(['half a line', END.event])
  })
})

describe('a log that reaches its limit', () => {
  /** Lines that are missing, as the marker says. */
  const missing = (events: readonly string[]) =>
    events.flatMap((event) => /^(\d+) lines are missing here/.exec(event)?.[1] ?? []).map(Number)

  it('keeps its beginning and its end, in order, and says how many lines are missing between', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_500 }), fc.integer({ min: 0, max: 60_000 }), (count, maxBytes) => {
        const { log, events } = make({ maxBytes })
        for (let n = 0; n < count; n++) log.print('stdout', `line ${n}\n`)
        log.close(END)
        const kept = events()
          .flatMap((event) => /^line (\d+)$/.exec(event)?.[1] ?? [])
          .map(Number)
        expect(kept).toEqual([...kept].sort((a, b) => a - b))
        expect(kept.length + missing(events()).reduce((sum, n) => sum + n, 0)).toBe(count)
        expect(events().at(-1)).toBe(END.event)
      }),
      { numRuns: 30 },
    )
  })

  it('keeps 200 lines of its end, or less when they are long', () => {
    const short = make({ maxBytes: 0 })
    for (let n = 0; n < 1_000; n++) short.log.print('stdout', `line ${n}\n`)
    short.log.close(END)
    // The first line is begun below the limit; the end is one of the 200.
    expect(short.events().slice(0, 3)).toEqual([
      'line 0',
      '800 lines are missing here: the log reached its limit of 0 bytes',
      'line 801',
    ])
    expect(short.events()).toHaveLength(202)
    const long = make({ maxBytes: 0 })
    for (let n = 0; n < 100; n++) long.log.print('stdout', `${'x'.repeat(50_000)}\n`)
    long.log.close(END)
    expect(long.text().length).toBeLessThan(1_200_000)
    expect(long.events().at(-1)).toBe(END.event)
  })

  it('whose last line alone is longer than what is kept still has it', () => {
    const { log, events } = make({ maxBytes: 0 })
    for (let n = 0; n < 3; n++) log.say('info', `line ${n}`)
    log.close({ level: 'error', event: 'y'.repeat(2_000_000) })
    expect(events().at(-1)).toHaveLength(2_000_000)
  })
})
