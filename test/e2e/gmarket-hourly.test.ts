// dags/gmarket_hourly.ts, unchanged, through the real scheduler and worker, on the simulated shop and embedded backends.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeReason, type Reason } from '../../core/reasons.ts'
import { GMARKET_CATEGORIES } from '../../pipelines/gmarket/categories.ts'
import { type SimulatedShop, startShop } from '../../services/simulated/gmarket/shop.ts'
import { eventually } from '../support/baram.ts'
import { type Pipelines, type Run, startPipelines } from '../support/real-pipelines.ts'

const HOUR = 3_600_000
const FIRST = Date.parse('2026-01-05T09:00:00+09:00')
const intervalOf = (i: number) =>
  [new Date(FIRST + i * HOUR).toISOString(), new Date(FIRST + (i + 1) * HOUR).toISOString()] as const

describe('gmarket_hourly', () => {
  let shop: SimulatedShop
  let pipelines: Pipelines
  beforeAll(async () => {
    shop = await startShop({ now: () => FIRST })
    pipelines = await startPipelines(['gmarket_hourly.ts'], [], { gmarket_simulated_url: shop.url })
  })
  afterAll(async () => {
    await pipelines?.stop()
    await shop?.close()
  })

  /** `task: state × instances`. */
  async function states({ runId }: Run): Promise<readonly string[]> {
    const rows = await pipelines.baram.query<{ task_id: string; state: string | null; n: number }>(
      'select task_id, state, count(*)::int as n from task_instance where run_id = $1 group by 1, 2 order by 1, 2',
      [runId],
    )
    return rows.map(({ task_id, state, n }) => `${task_id}: ${state} × ${n}`)
  }
  const files = (hour: string) =>
    readdirSync(join(pipelines.baram.home, `lake/gmarket/raw/dt=2026-01-05/hour=${hour}`), { recursive: true })

  it('reads no product page unless it is asked to, and shows that it did not', async () => {
    const run = await pipelines.run('gmarket_hourly', { interval: intervalOf(0) })
    expect(run.state).toBe('success')
    expect(await states(run)).toEqual([
      'check_hours: success × 1',
      'gmarket_hourly: success × 12',
      'load_to_hive: success × 1',
      'product_pages: skipped × 1',
      'to_hdfs: success × 1',
      'with_product_pages: success × 1',
    ])
    expect(files('09')).toEqual(['gmarket.csv'])
  }, 90_000)

  it('reads them when asked, once their pool is there, and says that it waits for it until then', async () => {
    const run = await pipelines.begin('gmarket_hourly', {
      interval: intervalOf(1),
      conf: { with_product_pages: true },
    })
    const held = await eventually(
      'twelve instances to wait',
      async () => {
        const rows = await pipelines.baram.query<{ because: Reason }>(
          "select because from task_queue where stage = 'throttled' and task_id = 'product_pages'",
        )
        return rows.length === 12 ? rows : null
      },
      60_000,
    )
    expect([...new Set(held.map(({ because }) => describeReason(because)))]).toEqual([
      'Waits for pool gmarket, which does not exist.',
    ])
    await pipelines.baram.query("insert into slot_pool (pool, slots) values ('gmarket', 1)")
    expect(await pipelines.end(run)).toBe('success')
    expect(await states(run)).toContain('product_pages: success × 12')
    expect(files('10').sort()).toEqual(
      ['gmarket.csv', 'xpaths', ...GMARKET_CATEGORIES.map(({ code }) => `xpaths/${code}.csv`)].sort(),
    )
    const counts = (await pipelines.effects(run)).filter(({ task_id }) => task_id === 'product_pages')
    const sum = (kind: string) =>
      counts.filter((one) => one.kind === kind).reduce((total, one) => total + Number(one.rows_written), 0)
    expect([counts.length, sum('source'), sum('lake')]).toEqual([24, 1_200, 1_200])
  }, 120_000)

  it('tells of the hours that were missed, with the command that fills them, and succeeds', async () => {
    const run = await pipelines.run('gmarket_hourly', { interval: intervalOf(4) })
    expect(run.state).toBe('success')
    const [report] = await pipelines.baram.query<{ title: string; rows: unknown }>(
      `select r.body ->> 'title' as title, r.body -> 'rows' as rows from report r join dag_run d on d.id =
         r.dag_run_id where d.run_id = $1 and r.name = 'hours'`,
      [run.runId],
    )
    const at = (hour: string) => `2026-01-05T${hour}:00:00+09:00`
    expect(report).toEqual({
      title: 'The last 5 hours of gmarket.best: 2 missing',
      rows: [
        [at('09'), 1_200, 'there'],
        [at('10'), 1_200, 'there'],
        [at('11'), 0, 'missing'],
        [at('12'), 0, 'missing'],
        [at('13'), 1_200, 'there'],
      ],
    })
    const { stdout } = await pipelines.baram.dagctl('logs', 'gmarket_hourly', 'check_hours', '-r', run.runId)
    expect(stdout).toContain(
      `dagctl backfill create --dag-id gmarket_hourly --from-date ${at('11')} --to-date ${at('12')}`,
    )
  }, 90_000)
})
