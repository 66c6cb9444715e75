// The demo's DAG with everything that many instances, waits, params, labels and other DAGs bring to the pages.

import {
  makeDag,
  makeTask,
  mappedTask,
  type SeededRun,
  seedEvent,
  seedMapped,
  seedRun,
  seedWait,
  seedXCom,
  storeDag,
  unpause,
} from '../webserver/seed.ts'
import type { TestWeb } from '../webserver/start-web.ts'

export interface Catalog {
  readonly running: SeededRun
  readonly waiting: SeededRun
}

const HOUR = 3_600_000
/** The param that each run must bring. */
const conf = { from: '2026-01-05T09:00:00+09:00' }
const CATEGORIES = [
  '패션의류',
  '신발/잡화',
  '화장품/헤어',
  '유아동/출산',
  '스포츠/자동차',
  '컴퓨터/전자',
  '식품',
  '생활/주방',
  '가구/침구',
  '도서/음반',
  '여행',
  'e쿠폰/티켓',
]

let params = 0
const param = (schema: Record<string, unknown>, description: string | null, value?: unknown) =>
  ({ schema, description, position: params++, ...(value === undefined ? {} : { value }) }) as never // plain JSON

export const PARAMS = {
  from: param({ type: 'string', format: 'date-time', title: 'From' }, 'First hour that is filled.'),
  day: param({ type: 'string', format: 'date', title: 'Day' }, null, '2026-01-05'),
  categories: param(
    { type: 'array', items: { type: 'string', enum: CATEGORIES }, minItems: 1, title: 'Categories' },
    null,
    ['식품', '생활/주방'],
  ),
  target: param(
    { type: 'string', enum: ['Postgres table', 'CSV file'], title: 'Target' },
    'Where the mart is written.',
    'Postgres table',
  ),
  table: param({ type: 'string', pattern: '^[a-z_]+$' }, 'Only small letters and underscores.', 'dm_gmarket'),
  limit: param({ type: 'integer', minimum: 0, maximum: 1_000_000, title: 'Row limit' }, '0 means no limit.', 0),
  dry_run: param({ type: 'boolean', title: 'Dry run' }, 'Reads everything, writes nothing.', false),
  urls: param({ type: 'array', items: { type: 'string' }, title: 'Further pages' }, null, []),
  options: param({ type: 'object' }, 'Passed on to the writer.', { retries: 2, headers: { accept: 'text/csv' } }),
}

async function storeCatalog(web: TestWeb): Promise<void> {
  await storeDag(
    web,
    makeDag('catalog', {
      tasks: [
        makeTask('wait_for_candles', {
          operator: 'ExternalTaskSensor',
          options: { externalDagId: 'candle_daily', timeout: 3600 },
        }),
        makeTask('list_products'),
        mappedTask('product_page', 'list_products', { templateFields: ['url', 'body'] }),
        mappedTask('category', 'list_products'),
        makeTask('choose', { operator: 'BranchOperator', skips: true }),
        makeTask('fill_mart', { operator: 'TriggerDagRunOperator', options: { dagId: 'gmarket_mart' } }),
        makeTask('keep_csv'),
      ],
      edges: [
        ['wait_for_candles', 'list_products'],
        ['list_products', 'product_page'],
        ['list_products', 'category'],
        ['product_page', 'choose'],
        ['category', 'choose'],
        ['choose', 'fill_mart'],
        ['choose', 'keep_csv'],
      ],
      labels: [
        ['choose', 'fill_mart', 'has new rows'],
        ['choose', 'keep_csv', 'nothing changed'],
      ],
      params: PARAMS,
      zone: 'Asia/Seoul',
      tags: ['gmarket'],
      description: 'Every product page, mapped over the list of the day',
    }),
  )
  await unpause(web, 'catalog')
}

async function seedRendered(web: TestWeb, run: SeededRun): Promise<void> {
  await web.database.query(
    `insert into rendered_task_instance_fields (dag_run_id, task_id, map_index, rendered_fields) values ($1, 'product_page', 4100, $2::jsonb)`,
    [
      run.id,
      JSON.stringify({
        url: 'https://www.gmarket.co.kr/products/41007311?category=kitchen&sort=best&page=1&from=2026-01-05T09%3A00',
        body: '{"query": {"category": "생활/주방", "limit": 100}, "fields": ["id", "name", "price"]}',
        headers: { accept: 'application/json', authorization: 'never-on-a-page-5' },
      }),
    ],
  )
}

export async function seedCatalog(web: TestWeb, now: number): Promise<Catalog> {
  await storeCatalog(web)
  const at = Math.floor(now / HOUR) * HOUR
  const names = Array.from({ length: 10_000 }, (_, i) => `product ${41_000_000 + i * 7}`)
  for (let i = 9; i >= 2; i--) {
    const run = await seedRun(web, 'catalog', at - i * HOUR, {
      conf,
      state: i === 4 ? 'failed' : 'success',
      rest: 'success',
      seconds: 90 + i * 4,
    })
    await seedMapped(web, run, 'product_page', 30 + i, { rest: 'success', states: i === 4 ? { 3: 'failed' } : {} })
    await seedMapped(web, run, 'category', 12, {
      rest: 'success',
      states: i === 4 ? { 7: 'failed' } : {},
      names: CATEGORIES,
    })
  }
  const waiting = await seedRun(web, 'catalog', at - HOUR, { conf, state: 'running', rest: null, seconds: 90 })
  await seedWait(web, waiting, 'wait_for_candles', {
    kind: 'trigger',
    name: 'external-dag',
    args: { dagId: 'candle_daily', logicalDate: '2026-01-05T00:00:00Z', token: 'never-on-a-page-6' },
    readyAt: now + 45 * 60_000,
    isHeld: true,
  })
  await seedEvent(web, waiting, 'wait_for_candles', {
    from: 'running',
    to: 'deferred',
    because: { code: 'deferred', waitsFor: 'external-dag' },
  })
  const running = await seedRun(web, 'catalog', at, {
    conf,
    state: 'running',
    seconds: 90,
    rest: null,
    tasks: { wait_for_candles: 'success', list_products: 'success' },
  })
  const failed = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [4100 + i * 26, 'failed' as const]))
  const going = Object.fromEntries(
    Array.from({ length: 800 }, (_, i) => [
      9200 + i,
      i < 40 ? ('running' as const) : i < 300 ? ('queued' as const) : null,
    ]),
  )
  await seedMapped(web, running, 'product_page', 10_000, { rest: 'success', states: { ...failed, ...going }, names })
  await seedMapped(web, running, 'category', 12, {
    rest: 'success',
    states: { 7: 'failed', 11: 'running' },
    names: CATEGORIES,
  })
  await seedRendered(web, running)
  await seedXCom(web, running, 'list_products', 'return_value', names.slice(0, 40))
  return { running, waiting }
}

export const catalogPaths = ({ running, waiting }: Catalog): Readonly<Record<string, string>> => {
  const run = `/dags/catalog/runs/${encodeURIComponent(running.runId)}/tasks`
  const id = encodeURIComponent(running.runId)
  return {
    'mapped-grid': '/dags/catalog',
    'mapped-panel': `/dags/catalog?run=${id}&task=product_page`,
    'mapped-panel-few': `/dags/catalog?run=${id}&task=category`,
    'mapped-run': `/dags/catalog?run=${id}`,
    'mapped-graph': `/dags/catalog/graph?run=${id}`,
    'mapped-many': `${run}/product_page`,
    'mapped-failed': `${run}/product_page?state=failed`,
    'mapped-few': `${run}/category`,
    'mapped-one': `${run}/product_page?map_index=4100`,
    rendered: `${run}/product_page/rendered?map_index=4100`,
    deferred: `/dags/catalog/runs/${encodeURIComponent(waiting.runId)}/tasks/wait_for_candles`,
    'deferred-panel': `/dags/catalog?run=${encodeURIComponent(waiting.runId)}&task=wait_for_candles`,
    params: '/dags/catalog/trigger',
  }
}
