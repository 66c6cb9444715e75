// An item's trades of a day from the service into the document index, as prices: asked again or killed, each is there once.

import { type Clock, systemClock } from '../../operators/clock.ts'
import { type DocumentIndex, type Fields, openDocumentIndex } from '../../operators/document-index/index.ts'
import { taskEnding } from '../../operators/open-data-kr/index.ts'
import { FailTask, getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { daysOf, kstDay, kstText, type Slot } from '../open-data/slot.ts'
import { isNotYet, type OpenedSource, openSource } from '../open-data/source.ts'
import { secondsToNextLook } from '../open-data/waiting.ts'
import { GARAK } from './items.ts'
import { pricesOf, readTrade, type Trade } from './price.ts'

export const PRICE_INDEX = 'item-prices'
const SIMULATED = { variable: 'prices_simulated_url', what: 'market price service' }
const TRADES = 'B552845/katSale/trades'
/** The service's limit. */
const PAGE = 1_000
/** An item has some hundred rows a day. */
const MOST_PAGES = 20
/** Reasons told in the log. */
const MOST_TOLD = 5

export const PRICE_FIELDS: Fields = {
  day: 'keyword',
  tm: 'date',
  item_class: 'keyword',
  item: 'keyword',
  grade: 'keyword',
  unit: 'keyword',
  average_price: 'long',
  min_price: 'long',
  max_price: 'long',
  units: 'double',
  trades: 'long',
}

export interface CollectPrices {
  /** Default `open_data_kr_default`; without it the simulated service is read. */
  readonly connId?: string
  /** Default `elasticsearch_default`; without it the embedded index in Postgres. */
  readonly indexConnId?: string
  /** Default `item-prices`. */
  readonly index?: string
  /** A day without a trade so many days after it was one without a market. Default 1. */
  readonly giveUpAfterDays?: number
  /** For tests. */
  readonly clock?: Clock
}

/** What was collected (the task's XCom). */
export type CollectedPrices = {
  readonly item: string
  readonly day: string
  /** Prices that now are documents; 0 of a day without a market. */
  readonly documents: number
  /** Rows that are no trade of what was asked for, and prices the index refused. */
  readonly rejected: number
}

interface Work {
  readonly op: OperatorContext
  readonly item: string
  readonly slot: Slot
  readonly source: OpenedSource
  readonly index: DocumentIndex
  readonly name: string
}

async function readTrades({ op, item, slot, source }: Work) {
  const day = kstDay(slot.first)
  const query = {
    returnType: 'JSON',
    'cond[whsl_mrkt_cd::EQ]': GARAK,
    'cond[trd_clcln_ymd::EQ]': day,
    'cond[gds_mclsf_nm::EQ]': item,
  }
  const trades: Trade[] = []
  let rejected = 0
  try {
    for await (const rows of source.client.pages({ service: TRADES, query, numOfRows: PAGE, maxPages: MOST_PAGES }))
      for (const row of rows) {
        const trade = readTrade(row, { day, market: GARAK, item })
        if (!('fault' in trade)) trades.push(trade)
        else if (++rejected <= MOST_TOLD) op.log.warn({ item, reason: trade.fault }, 'a row of the service is rejected')
      }
  } catch (error) {
    if (!isNotYet(error)) throw error
  }
  return { trades, rejected }
}

async function put(work: Work): Promise<CollectedPrices> {
  const { op, item, slot, source, index, name } = work
  const day = kstDay(slot.first)
  const { trades, rejected } = await readTrades(work)
  const target = source.isSimulated ? `simulated prices ${source.url}` : TRADES
  const rowsRead = trades.length + rejected
  await op.record({ kind: 'source', target, rowsRead, rowsWritten: trades.length, rowsRejected: rejected })
  await index.ensureIndex(name, { fields: PRICE_FIELDS })
  const prices = pricesOf(trades, { day, tm: kstText(slot.first), item })
  const results = await index.bulk(
    name,
    [...prices].map(([id, price]) => ({ id, source: price })),
  )
  const refused = results.filter(({ outcome }) => outcome === 'rejected').length
  const documents = prices.size - refused
  await op.record({
    kind: 'index',
    target: `${index.name} ${name} ${item}`,
    rowsRead: prices.size,
    rowsWritten: documents,
    rowsRejected: refused,
  })
  return { item, day, documents, rejected: rejected + refused }
}

/** Ends the attempt while trades may still come. The simulated service has a day once it is over. */
function awaitTrades({ op, item, slot, source }: Work, { day, rejected }: CollectedPrices, now: number, days: number) {
  if (rejected > 0)
    throw new FailTask(`${item} of ${day}: all ${rejected} rows were rejected; the log has the reasons of the first`)
  const giveUpAfterDays = source.isSimulated ? 0 : days
  const seconds = secondsToNextLook({ lastHour: slot.last, now, isSimulated: source.isSimulated, giveUpAfterDays })
  if (seconds !== null) {
    op.log.info({ item, day }, 'the service has no trade of the day yet: rescheduled, and asked for again')
    op.reschedule(seconds)
  }
  op.log.info({ item, day }, 'no trade: the market was closed, or nobody sold this')
}

/**
 * Collects the prices of an item at the Garak market, of the run's day. A day without trades reschedules the task until it is
 * given up as one without a market. Safe to repeat at any point. Call it inside a task.
 */
export async function collectPrices(item: string, options: CollectPrices = {}): Promise<CollectedPrices> {
  const op = getOperatorContext('collectPrices')
  const { indexConnId, index: name = PRICE_INDEX, giveUpAfterDays = 1, clock = systemClock, connId } = options
  const slot = daysOf(op.run)
  if (slot.count !== 1) throw new FailTask(`the data interval must be one day in Asia/Seoul, found ${slot.count}`)
  const index = await openDocumentIndex(op, indexConnId)
  try {
    const source = await openSource(op, SIMULATED, { clock, ...(connId !== undefined && { connId }) })
    try {
      const work: Work = { op, item, slot, source, index, name }
      const collected = await put(work)
      if (collected.documents === 0) awaitTrades(work, collected, clock.now(), giveUpAfterDays)
      return collected
    } finally {
      await source.client.close()
    }
  } catch (error) {
    throw taskEnding(error, clock.now())
  } finally {
    await index.close()
  }
}
