// What the documents promise stands in the code, and the other way round.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ERROR_CODES } from '../../core/errors.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('docs/errors.md has a heading for each error code, with its meaning', () => {
  const text = read('docs/errors.md')
  const sections = [...text.matchAll(/^## (\S+)\n\n(.+)$/gm)].map(([, code, meaning]) => [code, meaning])
  expect(Object.fromEntries(sections)).toEqual(ERROR_CODES)
})

it('README shows both commands', () => {
  for (const command of ['npm ci && npm start', 'npm ci && npm test']) expect(read('README.md')).toContain(command)
})

it('every document that README names exists', () => {
  for (const [, path] of read('README.md').matchAll(/\]\((docs\/[^)]+|[A-Z]+(?:\.md)?)\)/g))
    expect(read(path ?? '').length).toBeGreaterThan(0)
})
