// SQL as text: statements and parameters are found, and nothing inside strings, names or comments is taken for one.

import fc from 'fast-check'
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
    ["select E'a'\n  'b\\'; c'; select 2", ["select E'a'\n  'b\\'; c'", 'select 2']],
    ["select E'a' -- x\n, 'b\\'; select 2", ["select E'a' -- x\n, 'b\\'", 'select 2']],
    ["select éE'\\'; select 2", ["select éE'\\'", 'select 2']],
    ['select é$a$ ; select $a$', ['select é$a$', 'select $a$']],
    ['select 1 -- a;\r; select 2', ['select 1 -- a;', 'select 2']],
    [
      'create rule r as on insert to t do also (delete from a; delete from b); select 2',
      ['create rule r as on insert to t do also (delete from a; delete from b)', 'select 2'],
    ],
    ['begin; select 1; end; select 2', ['begin', 'select 1', 'end', 'select 2']],
    ['select case when a then 1 end; select 2', ['select case when a then 1 end', 'select 2']],
    ['create table begin_atomic (a int); select 2', ['create table begin_atomic (a int)', 'select 2']],
    ['select 1); select 2', ['select 1)', 'select 2']],
  ])('%j is %j', (sql, statements) => {
    expect(splitStatements(sql)).toEqual(statements)
  })
})

const BODIES = [
  'select 1;',
  "insert into t values (1, ';'); delete from t where a = 2;",
  'select case when a then 1 else case b when 2 then 3 end end; select 4;',
  'select (case when a then 1 end); -- end;\n',
  '/* end; */ select "end", "case;" from t;',
  "select 'end'; select $$ end; $$;",
  '',
]
const HEADS = [
  'create function f(a int) returns int language sql',
  'CREATE OR REPLACE FUNCTION s.f()',
  'Create /* x; */ Procedure p()',
  'create or replace procedure "begin"(a int default (1))',
]

describe('a function with a body of SQL', () => {
  test.each(HEADS.flatMap((head) => BODIES.map((body) => [`${head} BEGIN ATOMIC ${body} END`])))(
    '%s is one statement',
    (routine) => {
      expect(splitStatements(`select 1; ${routine}; select 2`)).toEqual(['select 1', routine, 'select 2'])
      expect(splitStatements(`${routine.toLowerCase()};`)).toEqual([routine.toLowerCase()])
    },
  )
})

test('statements that are joined by semicolons are split again, whatever stands in them', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'select',
      'a',
      '1',
      '( a, 1 )',
      '한글',
      'begin',
      'case',
      'end',
      ':x',
      '::int',
      ',',
      '=',
      '[1:2]',
      'e',
      '$1',
    ),
    fc.string({ unit: fc.constantFrom(...";'\\-/*$ab\n") }).map((text) => `'${text.replaceAll("'", "''")}'`),
    fc
      .string({ unit: fc.constantFrom(...";'\\-/*$ab\n") })
      .map((text) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`),
    fc.string({ unit: fc.constantFrom(...';"-/*$ab') }).map((text) => `"${text.replaceAll('"', '""')}"`),
    fc.string({ unit: fc.constantFrom(...";'-ab$") }).map((text) => `$q$${text}$q$`),
    fc.string({ unit: fc.constantFrom(...";'-ab") }).map((text) => `/* ${text} /* ; */ ; */`),
    fc.string({ unit: fc.constantFrom(...";'/*ab") }).map((text) => `-- ${text}\n`),
  )
  const statement = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => `do ${pieces.join(' ')} x`)
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 5 }), (statements) => {
      expect(splitStatements(statements.join(' ;\n'))).toEqual(statements)
    }),
  )
})

describe('named parameters', () => {
  test.each([
    ['select :a, :b, :a', 'select $1, $2, $1', ['A', 'B']],
    ['select \':a\', ":a", $$:a$$, :b -- :a', 'select \':a\', ":a", $$:a$$, $1 -- :a', ['B']],
    ['select :a::int, b := :b', 'select $1::int, b := $2', ['A', 'B']],
    ['select arr[1: 2], 1', 'select arr[1: 2], 1', []],
    ['select arr[1:2], arr[:2], arr[1:], arr[:]', 'select arr[1:2], arr[:2], arr[1:], arr[:]', []],
    [
      'select arr[i:j], arr[f(x):n], arr["i":n], arr[m[1]:n], arr[1 :n]',
      'select arr[i:j], arr[f(x):n], arr["i":n], arr[m[1]:n], arr[1 :n]',
      [],
    ],
    ['select arr[:a], array[:a,:b], array[1, :a]', 'select arr[$1], array[$1,$2], array[1, $1]', ['A', 'B']],
    ['select x=:a,(:b)', 'select x=$1,($2)', ['A', 'B']],
    ['select :이름, :이름::text, :été', 'select $1, $1::text, $2', ['김', 'E']],
    ['select :이름'.normalize('NFD'), 'select $1', ['김']],
    ['select :a1, :_x', 'select $1, $2', [1, '_']],
    ["/* :c */ -- :c\nselect E'\\':c', :a", "/* :c */ -- :c\nselect E'\\':c', $1", ['A']],
    ['select a::int[], a :: int, x:=1, x := :a', 'select a::int[], a :: int, x:=1, x := $1', ['A']],
  ])('%j becomes %j', (sql, text, values) => {
    expect(numberParameters(sql, { a: 'A', b: 'B', 이름: '김', été: 'E', a1: 1, _x: '_' })).toEqual({ text, values })
  })

  test('that have no value are an error, also those every object has', () => {
    expect(() => numberParameters('select :c', { a: 1 })).toThrow(/names :c, but parameters has only a/)
    expect(() => numberParameters('select :constructor', {})).toThrow(/has only nothing/)
  })
})
