// What the pages show of the index: the prices of the run's day, and how they differ from the market day before.

import { openDocumentIndex, type Source } from '../../operators/document-index/index.ts'
import { getOperatorContext } from '../../sdk/index.ts'
import { DAY, daysOf, kstDay, kstText } from '../open-data/slot.ts'
import { type CollectedPrices, PRICE_INDEX } from './collect.ts'

/** A market day before is looked for in so many days: Sundays and holidays have no market. */
const LOOK_BACK_DAYS = 7
const MOST = 10_000

const keyOf = (source: Source): string => [source['item'], source['grade'], source['unit']].join(':')
const wonOf = (source: Source | undefined, name: string): number | null => {
  const value = source?.[name]
  return typeof value === 'number' ? value : null
}

/** Counts what the run has stored and publishes the table `prices`. Call it inside a task, with what `collectPrices` returned. */
export async function publishPrices(
  collected: readonly CollectedPrices[],
  options: { readonly indexConnId?: string; readonly index?: string } = {},
): Promise<{ readonly prices: number }> {
  const op = getOperatorContext('publishPrices')
  const { indexConnId, index: name = PRICE_INDEX } = options
  const { first } = daysOf(op.run)
  const day = kstDay(first)
  const index = await openDocumentIndex(op, indexConnId)
  try {
    await index.refresh(name)
    const items = { terms: { field: 'item_class', values: collected.map(({ item }) => item) } }
    const rowsRead = collected.reduce((sum, { documents }) => sum + documents, 0)
    const rowsWritten = await index.count(name, { and: [items, { term: { field: 'day', value: day } }] })
    const target = `${index.name} ${name} (counted)`
    await op.record({ kind: 'index', target, rowsRead, rowsWritten }, rowsWritten < rowsRead ? 'fail' : 'warn')
    const span = { range: { field: 'tm', gte: kstText(first - LOOK_BACK_DAYS * DAY), lte: kstText(first) } }
    const sort = [{ field: 'tm', order: 'desc' } as const]
    const { documents } = await index.search(name, { query: { and: [items, span] }, sort, size: MOST })
    const today = documents.filter(({ source }) => source['day'] === day)
    const before = documents.filter(({ source }) => source['day'] !== day)
    await op.publish('prices', {
      title: `Prices at Garak on ${day}, and the market day before`,
      columns: [
        { name: 'item', type: 'text' },
        { name: 'grade', type: 'text' },
        { name: 'unit', type: 'text' },
        { name: 'average', type: 'number', unit: 'KRW' },
        { name: 'difference', type: 'number', unit: 'KRW' },
        { name: 'min', type: 'number', unit: 'KRW' },
        { name: 'max', type: 'number', unit: 'KRW' },
        { name: 'units', type: 'number' },
      ],
      rows: today.map(({ source }) => {
        // The newest comes first.
        const last = before.find((other) => keyOf(other.source) === keyOf(source))?.source
        const [now, then] = [wonOf(source, 'average_price'), wonOf(last, 'average_price')]
        return [
          String(source['item']),
          String(source['grade']),
          String(source['unit']),
          now,
          now === null || then === null ? null : now - then,
          wonOf(source, 'min_price'),
          wonOf(source, 'max_price'),
          wonOf(source, 'units'),
        ]
      }),
    })
    return { prices: today.length }
  } finally {
    await index.close()
  }
}
