// Rows as values: every column's name in camelCase, and what stands inside a JSON column as it is.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { columnsOf, rowsOf, toValue } from '../../store/rows.ts'
import type { Sql } from '../../store/sql.ts'

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/)
/** As every column of the migrations is named: words of letters, joined by one underscore. */
const column = fc
  .array(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 4 })
  .map((words) => words.join('_'))

test('a column keeps its value under a name without underscores, and the name leads back to the column', () => {
  fc.assert(
    fc.property(fc.dictionary(column, fc.jsonValue()), (row) => {
      const value = toValue(row)
      expect(Object.keys(value).filter((name) => name.includes('_'))).toEqual([])
      expect(columnsOf(value)).toEqual(row)
    }),
  )
})

test('what a JSON column holds keeps its names', () => {
  fc.assert(
    fc.property(column, fc.dictionary(fc.oneof(word, column), fc.jsonValue()), (name, conf) => {
      expect(Object.values(toValue({ [name]: conf }))).toEqual([conf])
    }),
  )
})

test('a filter that is named as its columns already stays as it is', () => {
  const filter = { run_after_gte: 1, dag_ids: ['a'], state: undefined }
  expect(columnsOf(filter)).toEqual(filter)
})

test('rows are read in the order of the statement, each as a value', async () => {
  const sql: Sql = {
    query: async <Row>() => ({ rows: [{ dag_run_id: 2 }, { dag_run_id: 1 }] as Row[], rowCount: 2 }),
  }
  expect(await rowsOf(sql, 'select dag_run_id from dag_run')).toEqual([{ dagRunId: 2 }, { dagRunId: 1 }])
})
