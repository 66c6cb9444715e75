// Tables that fit the terminal: no line is wider than it, whatever stands in the cells.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Moment } from '../../cli/moment.ts'
import { formatRows } from '../../cli/output.ts'
import { type Column, tableText, widthOf, wrap } from '../../cli/table.ts'

const column = (name: string, ...texts: string[]): Column => ({ name, cells: texts.map((text) => ({ text })) })
const widest = (text: string) => Math.max(...text.split('\n').map(widthOf))

describe('a table', () => {
  it('has its frame and columns as wide as they need where there is no terminal', () => {
    expect(tableText([column('dag_id', 'prices', '한국어'), column('state', 'failed', '')], null)).toEqual({
      text: [
        '┌────────┬────────┐',
        '│ dag_id │ state  │',
        '├────────┼────────┤',
        '│ prices │ failed │',
        '│ 한국어 │        │',
        '└────────┴────────┘',
      ].join('\n'),
      left: [],
    })
  })

  it('is never wider than its terminal, and names each column it leaves out', () => {
    const cell = fc.oneof(
      fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/\p{C}/gu, '')),
      fc.stringMatching(/^[가-힣 a-z]{0,40}$/),
      fc.constant('manual__2026-11-30T11:37:02.650000+00:00_FZ48u4VE'),
    )
    const table = fc.integer({ min: 1, max: 4 }).chain((rows) =>
      fc.array(
        fc.record({
          name: fc.constantFrom('dag_id', 'run_id', 'state', 'start_date', 'end_date', 'conf', 'timezone'),
          cells: fc.array(
            cell.map((text) => ({ text })),
            { minLength: rows, maxLength: rows },
          ),
        }),
        { minLength: 1, maxLength: 8 },
      ),
    )
    fc.assert(
      fc.property(table, fc.integer({ min: 40, max: 120 }), (columns, width) => {
        const { text, left } = tableText(columns, width)
        expect(widest(text)).toBeLessThanOrEqual(width)
        const shown = columns.length - left.length
        expect(text.split('\n')[0]?.split('┬')).toHaveLength(shown)
      }),
    )
  })

  it('keeps every letter of a cell that it wraps', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[가-힣a-z ]{1,80}$/), fc.integer({ min: 2, max: 20 }), (text, width) => {
        const lines = wrap(text, width)
        expect(lines.every((line) => widthOf(line) <= width)).toBe(true)
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
    )
  })

  it('leaves out a name that is the same in all rows beside a closer one, before anything else', () => {
    const long = 'x'.repeat(30)
    const columns = [
      column('dag_id', 'prices', 'prices'),
      column('run_id', long, `${long}y`),
      column('state', 'failed', 'success'),
      column('start_date', '2026-03-18 09:00:00+09:00', ''),
    ]
    expect(tableText(columns, 50).left).toEqual(['dag_id'])
  })

  it('never leaves out the first column that tells its rows apart, nor the state while another can go', () => {
    const columns = [column('dag_id', 'a', 'b'), column('state', 'failed', 'success'), column('conf', 'x', 'y')]
    expect(tableText(columns, 24).left).toEqual(['conf'])
  })
})

describe('a time in a row', () => {
  const at = new Moment(Date.parse('2026-03-18T00:00:00.250Z'), 'Asia/Seoul')
  const rows = [{ start_date: at }]

  it('is the clock of the DAG on a terminal', () => {
    expect(formatRows(rows, 'table', undefined, 80)).toContain('│ 2026-03-18 09:00:00+09:00 │')
  })

  it('is ISO in UTC in a pipe and in every form for programs', () => {
    for (const format of ['table', 'json', 'yaml', 'plain'] as const)
      expect(formatRows(rows, format, undefined, null)).toContain('2026-03-18T00:00:00.250Z')
  })

  it('is ISO where the zone is not known here', () => {
    expect(new Moment(0, 'Mars/Olympus').local()).toBe('1970-01-01T00:00:00.000Z')
  })
})
