import { describe, expect, test } from 'vitest'
import { exceptionText } from '../../../webserver/logs/exception-text.ts'
import { parseLine } from '../../../webserver/logs/log-file.ts'
import type { ShownLine } from '../../../webserver/logs/shown/line.ts'
import { lineRow } from '../../../webserver/logs/shown/rows.ts'
import { traceItems } from '../../../webserver/logs/shown/trace.ts'
import { toHtml } from '../../../webserver/pages/task/log/piece-html.ts'

const STACK = [
  'TypeError: fetch failed',
  'for https://api.example',
  '    at node:internal/deps/undici/undici:14902:13',
  '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
  '    at async load (/srv/dags/helpers/load.ts:8:20)',
  '    at async Object.fetch (/srv/dags/hourly.ts:31:9)',
  '    at async runBody (file:///opt/baram/dist/child/attempt.js:190:23)',
  '    at async Promise.all (index 0)',
  'Caused by: Error: connect ECONNREFUSED 10.0.0.7:443',
  '    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)',
].join('\n')

const row = (trace: string) =>
  toHtml(lineRow({ n: 7, clock: '', level: 'error', text: 'Task failed', trace } satisfies ShownLine))

describe('the exception of a line', () => {
  test("shows what was thrown, the author's frames first, the whole stack behind a fold, then each cause", () => {
    const items = traceItems(STACK)
    expect(
      items.map((item) => (item.kind === 'stack' ? `stack of ${item.rows.length}` : `${item.kind} ${item.text}`)),
    ).toEqual([
      'thrown TypeError: fetch failed',
      'text for https://api.example',
      'own at async load (/srv/dags/helpers/load.ts:8:20)',
      'own at async Object.fetch (/srv/dags/hourly.ts:31:9)',
      'stack of 6',
      'thrown Caused by: Error: connect ECONNREFUSED 10.0.0.7:443',
      'stack of 1',
    ])
  })

  test('folds nothing of a stack that is all the author’s', () => {
    expect(traceItems('Error: x\n    at a (/dags/a.ts:1:1)\n    at /dags/a.ts:9:1').map(({ kind }) => kind)).toEqual([
      'thrown',
      'own',
      'own',
    ])
  })

  test.each([
    'at f (/home/u/node_modules/undici/index.js:1:2)',
    'at f (/home/u/node_modules/baram/dist/operators/http/http.js:1:2)',
    'at f (file:///srv/baram/dist/sdk/dag.js:1:2)',
    'at new Promise (<anonymous>)',
    'at node:internal/main:1:2',
  ])('takes %s for nobody’s own', (frame) => {
    expect(traceItems(`Error: x\n    ${frame}`).map(({ kind }) => kind)).toEqual(['thrown', 'stack'])
  })

  test('is folded after 20 rows, without script', () => {
    const rows = (n: number) =>
      `Error: x\n${Array.from({ length: n }, (_, i) => `    at f${i} (/dags/a.ts:${i}:1)`).join('\n')}`
    expect(row(rows(20))).not.toContain('<details')
    const html = row(rows(30))
    expect(html).toContain('<summary>Show 11 more lines</summary>')
    expect(html.indexOf('f18 ')).toBeLessThan(html.indexOf('<details'))
    expect(html.indexOf('f19 ')).toBeGreaterThan(html.indexOf('<details'))
  })

  test('never becomes markup', () => {
    expect(row('<img src=x>: "&\n    at <b> (/dags/a.ts:1:1)')).not.toMatch(/<img|at <b>/)
  })

  test('of Airflow’s error_detail is told as a stack, with causes and parts', () => {
    const frame = (name: string, lineno: number) => ({ filename: '/dags/a.py', lineno, name })
    const part = [{ exc_type: 'KeyError', exc_value: "'a'", exc_notes: [], frames: [] }]
    const error_detail = [
      {
        exc_type: 'ExceptionGroup',
        exc_value: 'two failed',
        exc_notes: ['while loading'],
        frames: [frame('outer', 1), frame('inner', 2)],
        is_group: true,
        exceptions: [part, part],
      },
      { exc_type: 'OSError', exc_value: 'disk', exc_notes: [], is_cause: true, frames: [frame('write', 3)] },
    ]
    expect(exceptionText(parseLine(JSON.stringify({ event: 'x', error_detail })))?.split('\n')).toEqual([
      'ExceptionGroup: two failed',
      'while loading',
      '    at inner (/dags/a.py:2)',
      '    at outer (/dags/a.py:1)',
      "Error 1 of 2: KeyError: 'a'",
      "Error 2 of 2: KeyError: 'a'",
      'Caused by: OSError: disk',
      '    at write (/dags/a.py:3)',
    ])
    expect(exceptionText(parseLine('{"event":"x","error_detail":"odd"}'))).toBeNull()
  })
})
