// SQL as text: statements and parameters are found, and nothing inside strings, names or comments is taken for one.

import { describe, expect, test } from 'vitest'
import { numberParameters, splitStatements } from '../../../operators/postgres/statements.ts'

describe('a text of statements', () => {
  test.each([
    ['select 1; select 2', ['select 1', 'select 2']],
    ['select 1;', ['select 1']],
    [' ; -- nothing\n ; /* nothing */ ', []],
    ["select ';'; select 2", ["select ';'", 'select 2']],
    ["select 'it''s;'; select 2", ["select 'it''s;'", 'select 2']],
    ["select E'\\';'; select 2", ["select E'\\';'", 'select 2']],
    ["select '\\'; select 2", ["select '\\'", 'select 2']],
    ['select 1 as ";"; select 2', ['select 1 as ";"', 'select 2']],
    ['select 1 -- a; b\n; select 2', ['select 1 -- a; b', 'select 2']],
    ['select /* a; /* b; */ c; */ 1; select 2', ['select /* a; /* b; */ c; */ 1', 'select 2']],
    ['do $$ begin null; end $$; select 2', ['do $$ begin null; end $$', 'select 2']],
    ['do $한$ $$;$$ $한$; select 2', ['do $한$ $$;$$ $한$', 'select 2']],
    ['select a$1$b; select 2', ['select a$1$b', 'select 2']],
    ['select $1; select $2', ['select $1', 'select $2']],
    ["select 'never closed; select 2", ["select 'never closed; select 2"]],
  ])('%j is %j', (sql, statements) => {
    expect(splitStatements(sql)).toEqual(statements)
  })
})

describe('named parameters', () => {
  test.each([
    ['select :a, :b, :a', 'select $1, $2, $1', ['A', 'B']],
    ['select \':a\', ":a", $$:a$$, :b -- :a', 'select \':a\', ":a", $$:a$$, $1 -- :a', ['B']],
    ['select :a::int, b := :b', 'select $1::int, b := $2', ['A', 'B']],
    ['select arr[1: 2], 1', 'select arr[1: 2], 1', []],
  ])('%j becomes %j', (sql, text, values) => {
    expect(numberParameters(sql, { a: 'A', b: 'B' })).toEqual({ text, values })
  })

  test('that have no value are an error, also those every object has', () => {
    expect(() => numberParameters('select :c', { a: 1 })).toThrow(/names :c, but parameters has only a/)
    expect(() => numberParameters('select :constructor', {})).toThrow(/has only nothing/)
  })
})
