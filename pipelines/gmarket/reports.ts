// The hour's best 100 as a report: what the page shows of it.

import { openDuckDb, sqlText } from '../../operators/duckdb/session.ts'
import type { OperatorContext } from '../../sdk/index.ts'
import type { HourSlot } from './slot.ts'

const numberOf = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value))

/** @param parquet the hour's file, still on scratch */
export async function publishBest(op: OperatorContext, slot: HourSlot, parquet: string): Promise<void> {
  const session = await openDuckDb({ memoryLimit: '128MB', threads: 1 })
  try {
    const { rows } = await session.query(
      `select category, rank, title, price, list_price, discount_percent from read_parquet(${sqlText(parquet)}) order by category_code, rank`,
      { signal: op.signal },
    )
    await op.publish('best_100', {
      title: `The best 100 of each category, ${slot.dt} ${slot.hour}:00 KST`,
      columns: [
        { name: 'category', type: 'text' },
        { name: 'rank', type: 'number' },
        { name: 'title', type: 'text' },
        { name: 'price', type: 'number', unit: 'KRW' },
        { name: 'list price', type: 'number', unit: 'KRW' },
        { name: 'discount', type: 'number', unit: '%' },
      ],
      rows: rows.map((row) => [
        String(row['category']),
        numberOf(row['rank']),
        String(row['title']),
        numberOf(row['price']),
        numberOf(row['list_price']),
        numberOf(row['discount_percent']),
      ]),
    })
    const sums = await session.query(
      `select category, round(avg(price))::bigint as mean from read_parquet(${sqlText(parquet)}) group by category, category_code order by category_code`,
      { signal: op.signal },
    )
    await op.publish('mean_price', {
      title: `Mean price of the best 100, ${slot.dt} ${slot.hour}:00 KST`,
      columns: [
        { name: 'category', type: 'text' },
        { name: 'mean price', type: 'number', unit: 'KRW' },
      ],
      rows: sums.rows.map((row) => [String(row['category']), numberOf(row['mean'])]),
      charts: [{ kind: 'bar', x: 'category', y: ['mean price'] }],
    })
  } finally {
    session.close()
  }
}
