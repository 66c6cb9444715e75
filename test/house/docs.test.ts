// What the documents promise stands in the code, and the other way round.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { exitCodeOf } from '../../cli/exit.ts'
import { BaramError, ERRORS, type ErrorCode } from '../../core/errors.ts'

const docs = new URL('../../docs/', import.meta.url)
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('docs/errors.md has a heading for each error code, with its meaning', () => {
  const text = read('docs/errors.md')
  const sections = [...text.matchAll(/^## (\S+)\n\n(.+)$/gm)].map(([, code, meaning]) => [code, meaning])
  const meanings = Object.entries(ERRORS).map(([code, { meaning }]) => [code, meaning])
  expect(sections).toEqual(meanings)
})

it('docs/errors.md lists each code that does not end with HTTP 500 and exit code 1', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d+) \| (\d) \|$/gm)]
  const listed = rows.map(([, code, status, exit]) => [code, Number(status), Number(exit)])
  // The keys of the table are its codes.
  const codes = Object.keys(ERRORS) as ErrorCode[]
  const all = codes.map((code) => [code, ERRORS[code].status, exitCodeOf(new BaramError(code, 'it failed'))] as const)
  expect(listed).toEqual(all.filter(([, status, exit]) => status !== 500 || exit !== 1))
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
