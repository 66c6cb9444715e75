// The types that `dagctl connections add` takes are those that operators and the examples' pipelines open.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { CONNECTION_TYPES } from '../../core/connection-types.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Named only to say why it cannot be opened. */
const REFUSED = ['hive_cli']

/** Types that a file compares `connection.type` with, or branches on. */
function typesIn(source: string): string[] {
  if (!source.includes('connection.type')) return []
  const compared = source
    .split('\n')
    .filter((line) => /connection\.type (=|!)==|\.includes\(connection\.type\)/.test(line))
  const branches = source
    .split(/switch \(connection\.type\) /)
    .slice(1)
    .map((block) => block.slice(0, block.indexOf('default:')))
  return [
    ...compared.flatMap((line) => [...line.matchAll(/'([a-z_0-9]+)'/g)]),
    ...branches.flatMap((block) => [...block.matchAll(/case '([a-z_0-9]+)'/g)]),
  ].map(([, type = '']) => type)
}

it('the table of connection types is what operators open', () => {
  const files = ['operators', 'pipelines'].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(root, room, file)),
  )
  const opened = new Set(files.flatMap((file) => typesIn(readFileSync(file, 'utf8'))))
  for (const type of REFUSED) opened.delete(type)
  expect([...CONNECTION_TYPES.keys()].sort()).toEqual([...opened].sort())
})
