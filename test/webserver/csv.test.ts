import { expect, test } from 'vitest'
import { csvText } from '../../webserver/http/csv.ts'

const rows = [
  ['plain', 'with "quotes", comma', -1.5],
  ['=1+1', 'two\nlines', null],
] as const

test('values are quoted only where CSV needs it, and stay exactly what they are', () => {
  expect(csvText(['a', 'b, c', 'n'], rows)).toBe(
    'a,"b, c",n\r\nplain,"with ""quotes"", comma",-1.5\r\n=1+1,"two\nlines",\r\n',
  )
})

test('a spreadsheet gets a byte-order mark and no text it would run as a formula', () => {
  const text = csvText(['a', 'b', 'n'], rows, { forSpreadsheet: true })
  expect(text.codePointAt(0)).toBe(0xfeff)
  expect(text).toContain(`\r\n'=1+1,`)
  expect(text).toContain(',-1.5\r\n')
})
