// Every minute of the run's slot, of every chosen market, into one Parquet file on scratch.

import { join } from 'node:path'
import { type Clock, systemClock } from '../../operators/clock.ts'
import type { RowOf } from '../../operators/parquet/columns.ts'
import { writeParquet } from '../../operators/parquet/write.ts'
import { type ScratchFile, scratchFolder } from '../../operators/scratch/scratch.ts'
import { FailTask, getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { CANDLE_COLUMNS, candleRow, isMarketCode, type MinuteCandle, type MinuteUnit } from './candle.ts'
import type { UpbitClient } from './client.ts'
import { openUpbit } from './connect.ts'
import { UpbitBlockedError, UpbitRequestError } from './errors.ts'
import { daysOf, fileNameOf, kstText, type Slot, slotOf } from './slot.ts'

export interface CollectCandles {
  /** Default `upbit_default`; without it the simulated exchange is used. */
  readonly connId?: string
  /** Default `scratch_default`; without it a folder of the embedded root. */
  readonly scratchConnId?: string
  /** Minutes of a candle. Default 1. */
  readonly unit?: MinuteUnit
  /** Default: the Variable `upbit_markets` (a JSON list, or codes with commas), and without it all KRW markets. */
  readonly markets?: readonly string[]
  /** Markets asked at once; the pace is the budget's all the same. Default 4. */
  readonly parallel?: number
  /** Waits until so long after the slot's end, for the last trades to be counted. Default 2. */
  readonly settleSeconds?: number
  /** For tests. */
  readonly clock?: Clock
}

/** Candles past this moment of the slot may still change. */
async function waitUntilSettled(op: OperatorContext, slot: Slot, clock: Clock, settleSeconds: number): Promise<void> {
  const wait = slot.end + settleSeconds * 1_000 - clock.now()
  if (wait > 60_000) {
    throw new FailTask(
      `the slot ends at ${kstText(slot.end)} in Asia/Seoul, which is ahead: its candles do not exist yet`,
    )
  }
  if (wait > 0) await clock.sleep(wait, op.signal)
}

/** @throws FailTask for a list nobody could mean */
export function parseMarkets(text: string): readonly string[] {
  let items: unknown
  try {
    items = text.trim().startsWith('[')
      ? JSON.parse(text)
      : text
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== '')
  } catch (cause) {
    throw new FailTask('the Variable upbit_markets is neither a JSON list nor codes with commas', { cause })
  }
  const codes = Array.isArray(items) ? items.map(String) : []
  const wrong = codes.find((code) => !isMarketCode(code))
  if (codes.length === 0 || wrong !== undefined) {
    throw new FailTask(`the Variable upbit_markets must list market codes such as KRW-BTC, found ${wrong ?? 'none'}`)
  }
  return [...new Set(codes)]
}

async function marketsOf(
  op: OperatorContext,
  upbit: UpbitClient,
  given: readonly string[] | undefined,
): Promise<readonly string[]> {
  if (given !== undefined) return parseMarkets(given.join(','))
  const variable = await op.client.getVariable('upbit_markets')
  if (variable !== null && variable.trim() !== '') return parseMarkets(variable)
  const krw = (await upbit.markets()).map((market) => market.market).filter((market) => market.startsWith('KRW-'))
  if (krw.length === 0) throw new FailTask('the exchange lists no KRW market')
  return krw
}

/** Candles of one market that began and ended inside the slot. */
async function closedCandles(
  upbit: UpbitClient,
  market: string,
  unit: MinuteUnit,
  slot: Slot,
): Promise<readonly MinuteCandle[]> {
  const found: MinuteCandle[] = []
  // An open candle would be stored half and never mended: what begins less than a unit before the end is left to the next slot.
  const range = { start: slot.start, end: slot.end }
  for await (const candle of upbit.minutes(market, unit, range)) {
    if (Date.parse(`${candle.candle_date_time_utc}Z`) + unit * 60_000 <= slot.end) found.push(candle)
  }
  return found
}

interface Counts {
  rows: number
  noTrade: number
  silentMarkets: number
}

/** Asks `parallel` markets ahead and gives their rows in the order of the list: memory holds those few markets only. */
async function* rowsOf(
  markets: readonly string[],
  parallel: number,
  ask: (market: string) => Promise<readonly MinuteCandle[]>,
  count: (candles: readonly MinuteCandle[]) => void,
): AsyncGenerator<RowOf<typeof CANDLE_COLUMNS>> {
  const ahead: Promise<readonly MinuteCandle[]>[] = []
  const start = (market: string | undefined) => {
    if (market === undefined) return
    const asked = ask(market)
    asked.catch(() => undefined) // told when its turn comes; a failure of an earlier market ends the task first
    ahead.push(asked)
  }
  for (const market of markets.slice(0, parallel)) start(market)
  for (let next = parallel; ahead.length > 0; next += 1) {
    const candles = await ahead.shift()
    start(markets[next])
    if (candles === undefined) continue
    count(candles)
    for (const candle of candles) yield candleRow(candle)
  }
}

/** A request Upbit refuses, or a block, is not mended by the next try. */
function final(error: unknown): unknown {
  if (error instanceof UpbitBlockedError || error instanceof UpbitRequestError)
    return new FailTask(error.message, { cause: error })
  return error
}

/**
 * `to_date` and `y_date` (yymmdd of the slot in Seoul, and the day before) as people know them from the reference pipeline.
 * Nothing is decided by them. They only move forward, so a backfill does not turn them back.
 */
async function keepDayVariables(op: OperatorContext, slot: Slot): Promise<void> {
  const { today, yesterday } = daysOf(slot)
  const known = await op.client.getVariable('to_date')
  if (known !== null && /^\d{6}$/.test(known) && known >= today) return
  await op.client.setVariable('to_date', today, 'newest day collected, yymmdd in Asia/Seoul; for people only')
  await op.client.setVariable('y_date', yesterday, 'the day before to_date; for people only')
}

/**
 * Collects the slot of the running task. One request for the list of markets and one a market (a slot over 200 minutes pages).
 * The same candles make the same file, byte for byte, under the same name. Call it inside a task.
 */
export async function collectCandles(options: CollectCandles = {}): Promise<ScratchFile> {
  const op = getOperatorContext('collectCandles')
  const { unit = 1, parallel = 4, settleSeconds = 2, clock = systemClock } = options
  const slot = slotOf(op.run)
  const upbit = await openUpbit(op, { clock, ...(options.connId === undefined ? {} : { connId: options.connId }) })
  try {
    await waitUntilSettled(op, slot, clock, settleSeconds)
    const markets = await marketsOf(op, upbit, options.markets)
    const file_name = fileNameOf(slot)
    const local_file_path = join(await scratchFolder(op, options.scratchConnId), file_name)
    const expected = Math.floor(slot.minutes / unit)
    const counts: Counts = { rows: 0, noTrade: 0, silentMarkets: 0 }
    const rows = rowsOf(
      markets,
      parallel,
      (market) => closedCandles(upbit, market, unit, slot),
      (candles) => {
        counts.rows += candles.length
        counts.noTrade += expected - candles.length
        if (candles.length === 0) counts.silentMarkets += 1
      },
    )
    const sortBy = ['market', 'candle_date_time_utc'] as const
    const file = await writeParquet({ path: local_file_path, columns: CANDLE_COLUMNS, rows, sortBy, signal: op.signal })
    op.log.info(
      {
        slot: `[${kstText(slot.start)}, ${kstText(slot.end)}) Asia/Seoul`,
        markets: markets.length,
        ...counts,
        bytes: file.bytes,
      },
      'candles collected; minutes without trades have no row',
    )
    const rowsRead = counts.rows
    await op.record({ kind: 'source', target: upbit.origin, rowsRead, rowsWritten: rowsRead })
    const written = { rowsWritten: file.rows, bytes: file.bytes, checksum: `sha256:${file.sha256}` }
    await op.record({ kind: 'file', target: file_name, rowsRead, ...written })
    await keepDayVariables(op, slot)
    return { file_name, local_file_path, ...file }
  } catch (error) {
    throw final(error)
  } finally {
    await upbit.close()
  }
}
