// Templates: what they may name, how values are written, and that nothing unknown passes silently.

import { describe, expect, test } from 'vitest'
import { renderTemplates } from '../../child/templates/render.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { AttemptSpec } from '../../core/protocol.ts'
import { localTexts } from '../../core/timetables/zone.ts'
import type { ConnectionResult } from '../../sdk/context.ts'
import { madeUpContext } from '../support/operator-context.ts'

const DAY = Date.UTC(2024, 2, 18)

function specOf(changes: Partial<AttemptSpec> = {}): AttemptSpec {
  return {
    attempt: 1,
    modulePath: '',
    dagId: 'example',
    taskId: 'load',
    runId: 'scheduled__2024-03-18T00:00:00+00:00',
    tryNumber: 1,
    mapIndex: -1,
    fence: 'x/1/1',
    runType: 'scheduled',
    logicalDate: DAY,
    dataInterval: { start: DAY, end: DAY + 86_400_000 },
    runAfter: DAY + 86_400_000,
    runStartDate: DAY,
    timezone: 'Asia/Seoul',
    conf: {},
    embeddedRoot: '',
    inputs: [],
    doXcomPush: true,
    params: {},
    triedAt: DAY,
    firstTriedAt: DAY,
    maxTries: 0,
    rescheduleCount: 0,
    expandedCount: null,
    resume: null,
    ...changes,
  }
}

interface World {
  readonly spec?: Partial<AttemptSpec>
  readonly args?: object
  readonly isNative?: boolean
  readonly variables?: Readonly<Record<string, string>>
  readonly connections?: readonly ConnectionResult[]
  readonly xcoms?: Readonly<Record<string, JsonValue>>
}

async function render(text: unknown, world: World = {}): Promise<unknown> {
  const spec = specOf(world.spec)
  const { client } = madeUpContext({
    embeddedRoot: '',
    variables: new Map(Object.entries(world.variables ?? {})),
    connections: world.connections ?? [],
  })
  const { options } = await renderTemplates(
    { fields: ['text'], options: { text }, mapIndexTemplate: null, isNative: world.isNative ?? false },
    spec,
    localTexts(spec.dataInterval?.start ?? spec.runAfter, spec.timezone),
    world.args ?? {},
    {
      client: {
        ...client,
        // What was stored is the caller's claim, as in the product.
        getXCom: <T>({ key, taskId }: { key: string; taskId?: string }) =>
          Promise.resolve((world.xcoms?.[`${taskId ?? 'own'}/${key}`] ?? null) as T | null),
      },
      previousSuccess: () => Promise.resolve({ dataIntervalStart: DAY - 86_400_000, dataIntervalEnd: DAY }),
    },
  )
  return options['text']
}

describe('a template', () => {
  test.each([
    ['select {{ds}}', 'select 2024-03-18'],
    ['{{data_interval_end}}', '2024-03-19 00:00:00+00:00'],
    ['{{ts_nodash data_interval_end}}', '20240319T000000'],
    ['{{local.ds}} {{local.ts_nodash}} {{local.tsNodash}}', '2024-03-18 20240318T090000 20240318T090000'],
    ['{{macros.ds_add ds 5}} {{ds_add ds -1}}', '2024-03-23 2024-03-17'],
    ['{{macros.ds_format (macros.ds_add ds 1) "%Y-%m-%d" "%d.%m.%y"}}', '19.03.24'],
    ['{{dag_run.run_id}} {{ti.task_id}} {{task_instance.try_number}}', 'scheduled__2024-03-18T00:00:00+00:00 load 1'],
    ['{{#each args.rows}}{{this.id}};{{/each}}', '1;2;'],
    ['{{#if args.rows}}some{{else}}none{{/if}}', 'some'],
    ['<b>{{args.text}}</b>', '<b>a < b & "c"</b>'],
    ['{{args.rows}} {{args.flag}} {{args.nothing}}', '[{"id":1},{"id":2}] true null'],
    ['{{prev_data_interval_start_success}}', '2024-03-17 00:00:00+00:00'],
    ['no braces {at} all', 'no braces {at} all'],
  ])('%s', async (text, expected) => {
    const args = { rows: [{ id: 1 }, { id: 2 }], text: 'a < b & "c"', flag: true, nothing: null }
    expect(await render(text, { args })).toBe(expected)
  })

  test.each([
    ['{{unknown}}', /"unknown" is not defined/],
    ['{{params.limt}}', /"params.limt" is not defined/],
    ['{{var.value.missing}}', /"var.value.missing" is not defined/],
    ['{{conn.missing.host}}', /the name before ".host" is not defined/],
    ['{{no_macro 1}}', /"no_macro" not defined/],
    ['{{macros.ds_add "18.03.2024" 1}}', /takes a date such as 2024-03-18/],
    ['{{ds_nodash "2024-03-18"}}', /takes a date of the context/],
    ['{{#if}', /cannot be read/],
    ['{{ti.xcom_pull task_ids=ds}}', /written there/],
  ])('%s is an error that names the field', async (text, problem) => {
    const failed = render(text)
    await expect(failed).rejects.toThrow(problem)
    await expect(failed).rejects.toMatchObject({ code: 'TEMPLATE_INVALID' })
  })

  test('of a run without a logical date has no ds, and says so', async () => {
    const spec = { logicalDate: null }
    await expect(render('{{ds}}', { spec })).rejects.toThrow(/"ds" is not defined/)
    await expect(render('{{data_interval_start}}', { spec })).rejects.toThrow(/not defined/)
    expect(await render('{{ds_nodash dag_run.run_after}}', { spec })).toBe('20240319')
  })

  test('reads Variables, Connections and XComs that it names, and a default where one is missing', async () => {
    const connection: ConnectionResult = {
      id: 'lake',
      type: 'http',
      host: 'h',
      login: null,
      password: null,
      port: 80,
      extra: '{"a":{"b":1}}',
    }
    const world: World = {
      variables: { region: 'seoul', limits: '{"rows":10}' },
      connections: [connection],
      xcoms: { 'load/return_value': { n: 3 }, 'own/note': 'mine' },
    }
    expect(await render('{{var.value.region}} {{var.json.limits.rows}}', world)).toBe('seoul 10')
    expect(await render('{{var.value.get "nope" "fallback"}} {{var.value.get "region" "x"}}', world)).toBe(
      'fallback seoul',
    )
    expect(await render('{{conn.lake.host}}:{{conn.lake.port}} {{conn.lake.extra_dejson.a.b}}', world)).toBe('h:80 1')
    expect(await render('{{ti.xcom_pull task_ids="load"}} {{ti.xcom_pull key="note"}}', world)).toBe('{"n":3} mine')
    expect(await render('{{ti.xcom_pull "load"}}', world)).toBe('{"n":3}')
  })

  test('in lists and objects is rendered at any depth; other values and functions stay what they are', async () => {
    const callback = () => 1
    const value = { day: '{{ds}}', list: ['{{ds_nodash}}', 5, { deep: '{{params.x}}' }], callback, at: new Date(0) }
    expect(await render(value, { spec: { params: { x: [1] } } })).toEqual({
      day: '2024-03-18',
      list: ['20240318', 5, { deep: '[1]' }],
      callback,
      at: new Date(0),
    })
  })

  test('that is one expression gives the value itself where the DAG wants native objects', async () => {
    const args = { rows: [1, { a: 2 }] }
    expect(await render('{{args.rows}}', { args, isNative: true })).toEqual([1, { a: 2 }])
    expect(await render('n: {{args.rows}}', { args, isNative: true })).toBe('n: [1,{"a":2}]')
    expect(await render('{{args.rows}}', { args })).toBe('[1,{"a":2}]')
  })

  test('cannot reach prototypes or run code', async () => {
    const spec = { params: { x: {} as JsonObject } }
    await expect(render('{{params.constructor}}', { spec })).rejects.toThrow(/not defined/)
    await expect(render('{{lookup params "__proto__"}}', { spec })).rejects.toThrow(/not defined/)
  })
})
