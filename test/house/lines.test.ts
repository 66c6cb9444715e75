// A line of source is as long as a person reads at once.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const MOST = 160
/** Migrations stay as they have run; the façade's declarations are those of another package. */
const APART = ['migrations/', 'facade/']

function sources(): string[] {
  const patterns = ['*.ts', '*.mts', '*.mjs', '*.hbs', '*.css']
  return execFileSync('git', ['ls-files', '--', ...patterns], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((path) => path !== '' && !APART.some((folder) => path.startsWith(folder)))
    .filter((path) => existsSync(join(root, path)))
}

it(`no line of source is longer than ${MOST} characters`, () => {
  const long = sources().flatMap((path) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .flatMap((line, i) => (line.length > MOST ? [`${path}:${i + 1} has ${line.length} characters`] : [])),
  )
  expect(long, 'break these lines').toEqual([])
})
