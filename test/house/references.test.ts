// Comments name rules and documents; each name leads to a document of this repository, and to the number or heading in it.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, test } from 'vitest'
import { checkReferences, pathsIn } from './references.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readOrNull = (path: string): string | null =>
  existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : null

const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean)
const folders: ReadonlySet<string> = new Set(tracked.flatMap((path) => /^([^/]+)\//.exec(path)?.[1] ?? []))
const SOURCE = /\.(?:ts|mts|mjs|cjs|js|hbs|css)$|^(?:CONTRIBUTING|README)\.md$/
/** These speak about references that lead nowhere. */
const APART: ReadonlySet<string> = new Set(['test/house/references.ts', 'test/house/references.test.ts'])

describe('a reference', () => {
  const document =
    '# Law\n\n## Some rules\n\n1. **One.**\n14. **Two.**\n\n| id | fault |\n|---|---|\n| K2 | out of memory |\n'
  const check = (source: string) =>
    checkReferences(source, (path) => (path === 'docs/reliability.md' ? document : null))

  test.each([
    ['docs/reliability.md'],
    ['docs/reliability.md#some-rules'],
    ['docs/reliability.md rule 14'],
    ['docs/reliability.md rules 1 and 14'],
    ['docs/reliability.md fault K2'],
    ['docs/reliability.md\n// rule 14'],
  ])('%j is found and resolves', (source) => {
    expect(check(`// As it must be (${source}).`)).toEqual({ count: 1, faults: [] })
  })

  test.each([
    ['docs/absent.md', 'docs/absent.md does not exist'],
    ['docs/reliability.md#other', 'docs/reliability.md has no heading #other'],
    ['docs/reliability.md rules 1, 2 and 3', 'docs/reliability.md has no number 2, 3'],
    ['docs/reliability.md fault K9', 'docs/reliability.md has no number K9'],
  ])('%j is refused: %s', (source, fault) => {
    expect(check(`// As it must be (${source}).`).faults).toEqual([fault])
  })

  test.each([['RELIABILITY rule 14'], ['DESIGN §8.1'], ['TS-SDK.md'], ['rule 14'], ['Rule 14: it dies']])(
    '%j names no document',
    (source) => {
      expect(check(`// As it must be (${source}).`).faults).not.toEqual([])
    },
  )
})

it('every reference in the source resolves, and there are some', () => {
  const checked = tracked
    .filter((path) => SOURCE.test(path) && !APART.has(path))
    .map((path) => ({ path, ...checkReferences(readOrNull(path) ?? '', readOrNull) }))
  expect(checked.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(60)
  expect(checked.flatMap(({ path, faults }) => faults.map((fault) => `${path}: ${fault}`))).toEqual([])
})

it('the rules are numbered 1 to 24 in their order', () => {
  const text = readOrNull('docs/reliability.md') ?? ''
  const numbers = [...text.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
  expect(numbers).toEqual(Array.from({ length: 24 }, (_, i) => i + 1))
})

it.each(['architecture', 'reliability', 'dispatch', 'compatibility'])(
  'every path of the repository that docs/%s.md names exists',
  (name) => {
    const paths = pathsIn(readOrNull(`docs/${name}.md`) ?? '', folders)
    expect(paths.length).toBeGreaterThan(0)
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  },
)

it('docs/architecture.md answers five searches, each with a file, and names every folder of engine/', () => {
  const text = readOrNull('docs/architecture.md') ?? ''
  const searches = /## Where is …\? Five searches\n([\s\S]*?)\n## /.exec(text)?.[1] ?? ''
  const answers = [...searches.matchAll(/^\| [^|]+\? \| (.+) \|$/gm)].map(([, answer]) =>
    pathsIn(answer ?? '', folders),
  )
  expect(answers).toHaveLength(5)
  for (const paths of answers) expect(paths.filter((path) => path.includes('.'))).not.toEqual([])
  const rooms = new Set(tracked.flatMap((path) => /^engine\/[\w-]+\//.exec(path)?.[0] ?? []))
  expect([...rooms].filter((room) => !text.includes(`| \`${room}\` |`))).toEqual([])
})
