// What a DAG file may import besides code.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { compileFile } from '../../scheduler/compile.ts'

const folder = mkdtempSync(join(tmpdir(), 'baram-compile-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a template file of HiveQL or SQL is its text, part of the module, and an input that is watched', async () => {
  const hql = join(folder, 'day.hql')
  const dag = join(folder, 'daily.ts')
  writeFileSync(hql, "insert overwrite table day partition (dt='{{local.ds}}') select * from raw -- 하루\n")
  writeFileSync(join(folder, 'mart.sql'), 'select 1\n')
  writeFileSync(dag, "import hql from './day.hql'\nimport sql from './mart.sql'\nexport const texts = [hql, sql]\n")
  const first = await compileFile(dag, folder)
  expect(first.code).toContain("partition (dt='{{local.ds}}')")
  expect(first.inputs).toContain(hql)
  writeFileSync(hql, 'select 2\n')
  expect((await compileFile(dag, folder)).hash).not.toBe(first.hash)
})
