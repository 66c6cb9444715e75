// A real Prometheus reads a real web server: it takes our rules, answers every expression of alerts and dashboards, and a stream
// that stalls makes its alert fire. No Grafana renders the dashboards here.

import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/baram.ts'
import { dashboardExpressions, rules } from '../support/monitoring.ts'
import { onRealServers } from '../support/real-servers.ts'
import { makeDag, storeDag, unpause } from '../webserver/seed.ts'
import { startWeb, type TestWeb } from '../webserver/start-web.ts'

interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: string
}
interface Answer<T> {
  readonly status: string
  readonly error?: string
  readonly data: T
}

await onRealServers(['prometheus'], ({ prometheus }) => {
  const url = prometheus.endpoints['prometheus'] ?? ''
  /** Whatever Prometheus answers; its shape is the caller's. */
  async function ask<T>(path: string): Promise<Answer<T>> {
    return (await (await fetch(`${url}/api/v1/${path}`)).json()) as Answer<T>
  }
  const query = (expr: string) =>
    ask<{ result: { value: [number, string] }[] }>(`query?query=${encodeURIComponent(expr)}`)
  const numberOf = async (expr: string) => Number((await query(expr)).data.result[0]?.value[1])
  const firing = async (name: string) =>
    (await ask<{ alerts: Alert[] }>('alerts')).data.alerts.filter(
      ({ labels, state }) => labels['alertname'] === name && state === 'firing',
    )

  let web: TestWeb
  beforeAll(async () => {
    web = await startWeb()
    await storeDag(web, makeDag('cars', { tasks: ['consume'] }))
    await unpause(web, 'cars')
    await web.database.query(
      `insert into stream (dag_id, task_id, target, lag, rows_per_second, rows_read, rows_written, rows_rejected, newest_at, settled_at)
       values ('cars', 'consume', 'car_info (group cars)', 42, 1.5, 100, 99, 1, now(), now())`,
    )
    const targets = [{ targets: [new URL(web.url).host] }]
    await writeFile(prometheus.endpoints['targets'] ?? '', JSON.stringify(targets))
    await eventually('Prometheus to read the web server', async () => (await numberOf('up{job="baram"}')) === 1)
  })
  afterAll(async () => {
    await writeFile(prometheus.endpoints['targets'] ?? '', '[]')
    await web.stop()
  })

  test('it reads the metrics as they are', async () => {
    await eventually('a stream', async () => (await numberOf('baram_stream_lag_records{dag_id="cars"}')) === 42)
    expect(await numberOf('baram_processes{service="webserver"}')).toBe(1)
    expect(await numberOf('airflow_pool_open_slots{pool="default_pool"}')).toBe(128)
    const targets = await ask<{ activeTargets: { health: string; lastError: string }[] }>('targets')
    expect(targets.data.activeTargets.map(({ health, lastError }) => [health, lastError])).toEqual([['up', '']])
  })

  test('it loads every rule, and none of them fails', async () => {
    const loaded = await ask<{ groups: { rules: { name: string; health: string; lastError?: string }[] }[] }>('rules')
    const found = loaded.data.groups.flatMap((group) => group.rules)
    expect(found.map(({ name }) => name).sort()).toEqual(rules.map(({ alert }) => alert).sort())
    expect(found.filter(({ health }) => health === 'err')).toEqual([])
  })

  test.each([...new Set([...rules.map(({ expr }) => expr), ...dashboardExpressions()])])(
    'it answers %s',
    async (expr) => {
      const { status, error } = await query(expr)
      expect([status, error]).toEqual(['success', undefined])
    },
  )

  test('a stream that stalls makes StreamStalled fire, with its name; one that goes on ends it', async () => {
    expect(await firing('StreamStalled')).toEqual([])
    await web.database.query("update stream set newest_at = now() - interval '11 minutes'")
    await eventually('StreamStalled to fire', async () => (await firing('StreamStalled')).length === 1)
    const [alert] = await firing('StreamStalled')
    expect(alert?.annotations['summary']).toMatch(/^No fresh record of car_info \(group cars\) for 11m \d+s \(cars\)$/)
    await web.database.query('update stream set newest_at = now()')
    await eventually('StreamStalled to end', async () => (await firing('StreamStalled')).length === 0)
  })

  test('a deployment without scheduler and worker makes their alerts fire; rejected records are dead letters', async () => {
    await eventually('NoScheduler to fire', async () => (await firing('NoScheduler')).length === 1)
    await eventually('NoWorker to fire', async () => (await firing('NoWorker')).length === 1)
    expect(await firing('DeadLetters')).toEqual([])
    await web.database.query('update stream set rows_rejected = rows_rejected + 3')
    await eventually('DeadLetters to fire', async () => (await firing('DeadLetters')).length === 1)
  })
})
