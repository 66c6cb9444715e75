// Each of the 54 points of the compatibility checklist has a test that carries its number.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

function* testFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* testFiles(path)
    else if (entry.name.endsWith('.test.ts')) yield path
  }
}

test('every point of the checklist of Airflow’s TypeScript SDK has a test of its number', () => {
  const numbers = new Set<number>()
  for (const path of testFiles(root)) {
    const names = readFileSync(path, 'utf8').matchAll(/\b(?:test|it|describe)(?:\.each\([^)]*\))?\(\s*[`'"](\d+)\. /g)
    for (const name of names) numbers.add(Number(name[1]))
  }
  const points = Array.from({ length: 54 }, (_, i) => i + 1)
  expect(points.filter((point) => !numbers.has(point))).toEqual([])
})
