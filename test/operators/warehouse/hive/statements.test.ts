import { expect, test } from 'vitest'
import { hive } from '../../../../operators/warehouse/hive/hive-operator.ts'
import { splitHql, withParameters } from '../../../../operators/warehouse/hive/statements.ts'
import { madeUpContext } from '../../../support/operator-context.ts'

test('statements are split at semicolons of the code alone', () => {
  const hql = `set a=1; -- first; not two
    select ';', "it\\"s;", \`a;b\` /* ; */ from t;
    -- only a comment;
    ;`
  expect(splitHql(hql)).toEqual(['set a=1', `-- first; not two\n    select ';', "it\\"s;", \`a;b\` /* ; */ from t`])
})

test('values are put where their names stand, and cannot leave their quotes', () => {
  const values = { day: "2024'; drop table t; --", n: 5, yes: true, none: null, list: ['쌀', "콩'"] }
  const hql = "select ':day' from t where day = :day and n > :n and :yes and x is :none and name in (:list) -- :none"
  const text = withParameters(hql, values)
  expect(text).toBe(
    "select ':day' from t where day = '2024\\'; drop table t; --' and n > 5 and true and x is NULL and name in ('쌀', '콩\\'') -- :none",
  )
  expect(splitHql(text)).toHaveLength(1)
})

test('a name without a value, and a number that is none, are refused', () => {
  expect(() => withParameters('select :x', { y: 1 })).toThrow('names :x, but parameters has only y')
  expect(() => withParameters('select :x', { x: Number.NaN })).toThrow(/NaN/)
})

test('options that cannot be are refused while the DAG is read', () => {
  expect(() => hive({ hql: ' ' })).toThrow('hql is empty')
  expect(() => hive({ hql: 'select 1', timeout: 0 })).toThrow('above 0 seconds')
  expect(hive({ hql: 'select 1' }).templateFields).toEqual(['hql', 'parameters'])
})

test('a connection of another type is refused', async () => {
  const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [{ id: 'hive_default', type: 'http' }] })
  await expect(async () => hive({ hql: 'select 1' }).execute(op, {})).rejects.toThrow(
    /needs type hiveserver2, found http/,
  )
})
