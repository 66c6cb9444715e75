// What the documents promise stands in the code, and the other way round.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ERROR_CODES } from '../../core/errors.ts'

const docs = new URL('../../docs/', import.meta.url)
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('docs/errors.md has a heading for each error code, with its meaning', () => {
  const text = read('docs/errors.md')
  const sections = [...text.matchAll(/^## (\S+)\n\n(.+)$/gm)].map(([, code, meaning]) => [code, meaning])
  expect(Object.fromEntries(sections)).toEqual(ERROR_CODES)
})

it('README shows both commands', () => {
  for (const command of ['npm ci && npm start', 'npm ci && npm test']) expect(read('README.md')).toContain(command)
})

it.each(['README.md', 'docs/architecture.md'])('%s names each folder of the top level', (file) => {
  const tracked = execFileSync('git', ['ls-files'], { cwd: new URL('../../', import.meta.url), encoding: 'utf8' })
  const folders = new Set(tracked.split('\n').flatMap((path) => /^([^./][^/]*)\//.exec(path)?.[1] ?? []))
  const named = new Set([...read(file).matchAll(/[|,] `(\w+)\/`/g)].map(([, folder]) => folder))
  expect(folders.size).toBeGreaterThan(10)
  expect([...folders].filter((folder) => !named.has(folder))).toEqual([])
})

const files = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(docs).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
]
it.each(files)('every file that %s links to exists', (file) => {
  const links = [...read(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? '')
  const own = links.filter((target) => !/^[a-z]+:/.test(target))
  const from = new URL(`../../${file}`, import.meta.url)
  expect(own.filter((target) => !existsSync(new URL(target, from)))).toEqual([])
})
