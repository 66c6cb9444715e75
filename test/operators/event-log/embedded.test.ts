import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import fc from 'fast-check'
import kafka from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EmbeddedEventLog } from '../../../operators/event-log/embedded.ts'
import type { EventLog, LogMessage } from '../../../operators/event-log/event-log.ts'
import { openEventLog } from '../../../operators/event-log/open.ts'
import { murmur2 } from '../../../operators/event-log/partitioner.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'
import { eventLogContract } from './contract.ts'

removeTemporaryFoldersAfterwards()

let root: string
const opened: EventLog[] = []
beforeEach(async () => {
  root = join(await temporaryFolder(), 'event-log')
})
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close()
})

function openLog(options: ConstructorParameters<typeof EmbeddedEventLog>[1] = {}): EmbeddedEventLog {
  const log = new EmbeddedEventLog(root, options)
  opened.push(log)
  return log
}

eventLogContract('files', async () => new EmbeddedEventLog(root))

async function readAll(log: EventLog, topic: string, partitions: number): Promise<LogMessage[]> {
  const messages: LogMessage[] = []
  for (let partition = 0; partition < partitions; partition += 1)
    for await (const batch of log.readRange(topic, partition, 0, Number.MAX_SAFE_INTEGER)) messages.push(...batch)
  return messages
}

const numbersOf = (messages: readonly LogMessage[]) => messages.map(({ value }) => Number(value)).sort((a, b) => a - b)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)
const file = (name: string) => join(root, name)
const firstSegment = 'topics/t/0/00000000000000000000.log'

test('a key’s partition is Kafka’s, whatever its bytes', () => {
  const partitionMetadata = upTo(7).map((partitionId) => ({ partitionId, leader: 1 }))
  // kafkajs asks only for the ids and leaders.
  const place = kafka.Partitioners.DefaultPartitioner() as unknown as (args: object) => number
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const key = Buffer.from(bytes)
      expect((murmur2(key) & 0x7fffffff) % 7).toBe(place({ topic: 't', partitionMetadata, message: { key } }))
    }),
  )
})

describe('killed at any step of a transaction', () => {
  async function replayUntilKilled(program: string, deadly: number): Promise<{ signal: unknown; out: string }> {
    const child = spawn(process.execPath, [program, root, String(deadly)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
    return { signal: child.signalCode, out }
  }

  test('the next try ends with each record once', async () => {
    const program = join(await temporaryFolder(), 'replay.mjs')
    await build({
      entryPoints: [fileURLToPath(new URL('./replay-until-killed.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    })
    const { out } = await replayUntilKilled(program, -1)
    const steps = Number(out)
    // Two batches of: before and after the commit, two partitions, the offsets, the end.
    expect(steps).toBe(12)
    for (let step = 1; step <= steps; step += 1) {
      root = join(await temporaryFolder(), 'event-log')
      expect((await replayUntilKilled(program, step)).signal, `step ${step}`).toBe('SIGKILL')
      // A reader that takes no part sees whole batches only, and what was committed.
      const seen = numbersOf(await readAll(openLog(), 'numbers', 2))
      expect(seen, `step ${step}`).toEqual(upTo(seen.length))
      expect(seen.length % 50).toBe(0)
      expect((await replayUntilKilled(program, -1)).signal).toBeNull()
      expect(numbersOf(await readAll(openLog(), 'numbers', 2)), `step ${step}`).toEqual(upTo(100))
    }
  }, 60_000)
})

describe('a killed writer', () => {
  async function written(count: number): Promise<EmbeddedEventLog> {
    const log = openLog()
    await log.ensureTopic('t', { partitions: 1 })
    const producer = await log.producer()
    for (let i = 0; i < count; i += 1) await producer.send('t', [{ value: String(i) }])
    await producer.close()
    return log
  }

  test('leaves a frame cut anywhere, which readers do not see and the next writer removes', async () => {
    await written(2)
    const whole = (await stat(file(firstSegment))).size
    const frame = whole / 2
    for (let cut = 1; cut < frame; cut += 1) {
      root = join(await temporaryFolder(), 'event-log')
      await written(2)
      await truncate(file(firstSegment), whole - cut)
      const next = openLog()
      expect(numbersOf(await readAll(next, 't', 1)), `cut by ${cut}`).toEqual([0])
      const producer = await next.producer()
      expect(await producer.send('t', [{ value: '7' }])).toEqual([{ topic: 't', partition: 0, first: 1, last: 1 }])
      expect(numbersOf(await readAll(openLog(), 't', 1)), `cut by ${cut}`).toEqual([0, 7])
    }
  })

  test('does not lead a reader astray who had seen its unfinished frame', async () => {
    const reader = await written(1)
    await appendFile(file(firstSegment), Buffer.from([60, 0, 0, 0, 1, 2, 3, 4, 5, 6]))
    const consumer = await reader.consumer({ group: 'g', topics: ['t'] })
    expect(numbersOf(await consumer.poll({ waitMs: 0 }))).toEqual([0])
    expect(await consumer.poll({ waitMs: 0 })).toEqual([])
    const producer = await openLog().producer()
    await producer.send('t', [{ value: '1'.repeat(100) }])
    expect(numbersOf(await consumer.poll({ waitMs: 0 }))).toEqual([Number('1'.repeat(100))])
  })

  test('that died before a power cut leaves zeros, which are removed too', async () => {
    await written(1)
    await appendFile(file(firstSegment), Buffer.alloc(5_000))
    const producer = await openLog().producer()
    await producer.send('t', [{ value: '1' }])
    expect(numbersOf(await readAll(openLog(), 't', 1))).toEqual([0, 1])
  })

  test('does not explain a damaged frame in the middle: that is told, and nothing is cut', async () => {
    await written(3)
    const handle = await open(file(firstSegment), 'r+')
    const { size } = await handle.stat()
    await handle.write(Buffer.from('?'), 0, 1, size / 3 + 45)
    await handle.close()
    await expect(readAll(openLog(), 't', 1)).rejects.toThrow(/damaged at byte \d+: restore it/)
    await expect((await openLog().producer()).send('t', [{ value: 'x' }])).rejects.toThrow(/damaged at byte/)
    expect((await stat(file(firstSegment))).size).toBe(size)
  })

  test('that held the lock is succeeded, and its files are removed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await written(0)
    const [own = ''] = (await readdir(root)).filter((name) => name.startsWith('lock.'))
    const holder: unknown = JSON.parse(await readFile(file(own), 'utf8'))
    if (typeof holder !== 'object') throw new Error(`${own} is no lock file`)
    const dead = { ...holder, id: 'abc', pid: child.pid, startTime: '1' }
    await writeFile(file('lock'), JSON.stringify(dead))
    await writeFile(file('lock.abc'), JSON.stringify(dead))
    const another = `lock.${'0'.repeat(18)}`
    await writeFile(file(another), JSON.stringify(dead))
    await (await openLog().producer()).send('t', [{ value: '0' }])
    const left = (await readdir(root)).filter((name) => name.startsWith('lock') && !/^lock\.[0-9a-f]{18}$/.test(name))
    expect(left).toEqual([])
    expect(await readdir(root)).not.toContain(another)
  })
})

test('a batch that is sent again after its answer was lost is there once', async () => {
  let failures = 1
  const log = openLog({
    step: (name) => {
      if (!name.startsWith('after')) return
      failures -= 1
      if (failures === 0) throw new Error('the answer was lost')
    },
  })
  await log.ensureTopic('t', { partitions: 2 })
  const appended = await (await log.producer()).send('t', [
    { value: '0', partition: 0 },
    { value: '1', partition: 1 },
  ])
  expect(appended.map(({ first, last }) => [first, last])).toEqual([
    [0, 0],
    [0, 0],
  ])
  expect(numbersOf(await readAll(log, 't', 2))).toEqual([0, 1])
})

test('processes take turns: what each appends has its own offsets', async () => {
  const logs = upTo(4).map(() => openLog())
  await logs[0]?.ensureTopic('t', { partitions: 1 })
  const appended = await Promise.all(
    logs.map(async (log) => {
      const producer = await log.producer()
      const places = []
      for (let i = 0; i < 25; i += 1) places.push(...(await producer.send('t', [{ value: 'x' }, { value: 'y' }])))
      return places.map(({ first }) => first)
    }),
  )
  expect(appended.flat().sort((a, b) => a - b)).toEqual(upTo(100).map((i) => i * 2))
})

test('segments follow one another, and are read as one', async () => {
  const log = openLog()
  await log.ensureTopic('t', { partitions: 1 })
  const producer = await log.producer()
  const reader = await log.consumer({ group: 'g', topics: ['t'] })
  const value = Buffer.alloc(1024 * 1024, 'x')
  for (let i = 0; i < 70; i += 1) await producer.send('t', [{ value, timestamp: i }])
  expect(await readdir(file('topics/t/0'))).toHaveLength(3)
  const seen: number[] = []
  for (let batch = await reader.poll({ waitMs: 0 }); batch.length > 0; batch = await reader.poll({ waitMs: 0 }))
    seen.push(...batch.map(({ timestamp }) => timestamp))
  expect(seen).toEqual(upTo(70))
  await reader.seek('t', 0, 40)
  expect((await reader.poll({ max: 1 })).map(({ timestamp }) => timestamp)).toEqual([40])
})

test('an abort ends a poll with its reason', async () => {
  const controller = new AbortController()
  const log = openLog({ signal: controller.signal })
  await log.ensureTopic('t')
  const consumer = await log.consumer({ group: 'g', topics: ['t'] })
  const polling = consumer.poll({ waitMs: 60_000 })
  controller.abort(new Error('cleared'))
  await expect(polling).rejects.toThrow('cleared')
})

test('a missing connection means the embedded log, and the log says so', async () => {
  const op = madeUpContext({ embeddedRoot: '/srv/embedded' })
  const log = await openEventLog(op)
  expect(log.name).toBe('embedded event log (/srv/embedded/event-log)')
  expect(op.lines.map((line) => line.message).join()).toContain('embedded')
})

test('a connection of another type is refused with a reason', async () => {
  const connections = [{ id: 'kafka_default', type: 'http' }]
  const opening = openEventLog(madeUpContext({ embeddedRoot: '/srv', connections }))
  await expect(opening).rejects.toThrow(/of type kafka or directory, found http/)
})
