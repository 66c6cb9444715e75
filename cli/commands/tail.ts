// `dagctl tail <topic>`: the newest records of a topic, and new ones as they come.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import {
  type EventLog,
  EventLogError,
  type LogMessage,
  openEventLog,
  UnknownTopicError,
} from '../../operators/event-log/index.ts'
import { wholeNumber } from '../arguments.ts'
import { connectionsOf } from '../connection-context.ts'
import { withContext } from '../context.ts'
import { hasReader, print } from '../output.ts'
import { style } from '../style.ts'
import { escapeUnseen, visibleCell } from '../visible.ts'

interface Flags {
  readonly lines: number
  readonly follow?: boolean
  readonly partition?: number
  readonly connId: string
  readonly json?: boolean
}

/** Between two looks for more, ms. */
const LOOK_MS = 500

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Text where it is text; other bytes in base64, said so. */
function textOf(bytes: Buffer | null): string | null {
  if (bytes === null) return null
  try {
    return utf8.decode(bytes)
  } catch {
    return `base64:${bytes.toString('base64')}`
  }
}

const headersOf = ({ headers }: LogMessage) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, textOf(value)]))

/** A record as one line of JSON: nothing left out. */
const jsonOf = (message: LogMessage): string => {
  const { topic, partition, offset, timestamp, timestampType, key, value } = message
  const at = new Date(timestamp).toISOString()
  const record = { topic, partition, offset, timestamp: at, timestampType, key: textOf(key), value: textOf(value) }
  return escapeUnseen(JSON.stringify({ ...record, headers: headersOf(message) }))
}

function lineOf(message: LogMessage): string {
  const { partition, offset, timestamp, key, value } = message
  const place = style.dim(`${partition}:${offset} ${new Date(timestamp).toISOString()}`)
  const headers = Object.keys(message.headers).length === 0 ? '' : ` ${style.dim(JSON.stringify(headersOf(message)))}`
  return `${place} ${style.cyan(visibleCell(textOf(key) ?? '–'))} ${visibleCell(textOf(value) ?? '(no value)')}${headers}`
}

interface Tailing {
  readonly log: EventLog
  readonly topic: string
  readonly flags: Flags
  readonly signal: AbortSignal
}

/** The last ones of each partition; offsets have holes, so a stretch is read that surely holds them. */
async function lastOf({ log, topic }: Tailing, from: number, partition: number, end: number, most: number) {
  for (let stretch = most * 2; ; stretch *= 4) {
    const records: LogMessage[] = []
    const start = Math.max(from, end - stretch)
    for await (const batch of log.readRange(topic, partition, start, end)) records.push(...batch)
    if (records.length >= most || start === from) return most === 0 ? [] : records.slice(-most)
  }
}

const byTime = (a: LogMessage, b: LogMessage) =>
  a.timestamp - b.timestamp || a.partition - b.partition || a.offset - b.offset

async function partitionsOf({ log, topic, flags }: Tailing) {
  const offsets = await log.offsets(topic)
  if (flags.partition === undefined) return offsets
  const found = offsets.filter(({ partition }) => partition === flags.partition)
  if (found.length > 0) return found
  throw new BaramError(
    'INPUT_INVALID',
    `topic ${topic} has ${offsets.length} partitions, from 0; found ${flags.partition}`,
  )
}

async function tailTopic(tailing: Tailing): Promise<void> {
  const { log, topic, flags, signal } = tailing
  const show = (message: LogMessage) => print(flags.json === true ? jsonOf(message) : lineOf(message))
  const offsets = await partitionsOf(tailing)
  const newest: LogMessage[] = []
  for (const { partition, earliest, end } of offsets)
    newest.push(...(await lastOf(tailing, earliest, partition, end, flags.lines)))
  for (const message of newest.sort(byTime).slice(-flags.lines || newest.length)) show(message)
  const next = new Map(offsets.map(({ partition, end }) => [partition, end]))
  while (flags.follow === true && hasReader() && !signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
    for (const { partition, end } of await partitionsOf(tailing)) {
      const from = next.get(partition) ?? 0
      for await (const batch of log.readRange(topic, partition, from, end)) for (const message of batch) show(message)
      next.set(partition, Math.max(from, end))
    }
  }
}

const codeOf = (error: EventLogError) => (error instanceof UnknownTopicError ? 'NOT_FOUND' : 'INPUT_INVALID')

async function tail(topic: string, flags: Flags): Promise<void> {
  const abort = new AbortController()
  process.once('SIGINT', () => abort.abort())
  await withContext(async (context) => {
    const { op, mask } = connectionsOf(context, 'tail', abort.signal)
    let log: EventLog | undefined
    try {
      log = await openEventLog(op, flags.connId)
      await tailTopic({ log, topic, flags, signal: abort.signal })
    } catch (error) {
      if (abort.signal.aborted) return
      if (error instanceof EventLogError) throw new BaramError(codeOf(error), mask(error.message), { cause: error })
      throw error
    } finally {
      await log?.close()
    }
  })
}

export function addTailCommand(program: Command): void {
  program
    .command('tail')
    .description('the newest records of a topic, with key, partition, offset and time')
    .argument('<topic>')
    .option('-n, --lines <n>', 'how many', wholeNumber('the number of records', { least: 0 }), 10)
    .option('-f, --follow', 'keep printing new records, until Ctrl-C')
    .option('-p, --partition <n>', 'of one partition alone', wholeNumber('the partition', { least: 0 }))
    .option('--conn-id <conn-id>', 'the connection; the embedded event log where there is none', 'kafka_default')
    .option('--json', 'a line of JSON each, with headers and the type of the time')
    .action(tail)
}
