// Prices of the Garak wholesale market in Seoul, a day at a time: data.go.kr → document index → a table.
//
// Without the connection `open_data_kr_default` it reads the simulated price service of this host.

import { cron, Dag, expand } from 'baram'
import { type CollectedPrices, collectPrices, PRICE_ITEMS, publishPrices } from 'baram/pipelines/prices'

export const dag = new Dag('item_prices', {
  description: 'Settled prices of five items by grade and unit, into the document index',
  // Days are Seoul's: the run made at midnight is for the day before.
  schedule: cron('0 0 * * *', { timezone: 'Asia/Seoul', interval: true }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 4, // a day without trades waits a day before it counts as one without a market
  tags: ['prices'],
  defaultArgs: { retries: 3, retryDelay: 60 }, // seconds
})

// One instance an item. The id of a document is day, item, grade and unit.
const collect = dag.task('item_prices', ({ item }: { item: string }) => collectPrices(item), {
  mapIndexTemplate: '{{args.item}}',
})
const collected = expand(collect, { item: PRICE_ITEMS })

// Counts what is in the index, and publishes the table `prices`.
const publish = dag.task('publish', ({ collected }: { collected: readonly CollectedPrices[] }) =>
  publishPrices(collected),
)
publish({ collected })
