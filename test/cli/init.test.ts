// `dagctl init` and `dagctl new`: what they make is free of faults and runs; nothing is overwritten. That a project installs and
// passes its own test as printed is shown by test/real/package.test.ts.

import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { Project } from './project.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What `npm install` would bring, from our own installation. */
function install(folder: string): void {
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules', 'baram'), 'dir')
  for (const name of ['typescript', 'vitest', '@types/node'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'dir')
}

describe('starters', () => {
  const project = new Project()
  afterAll(() => project.remove())
  const inside = join(project.folder, 'My DAGs')
  const there = { BARAM__CORE__DAGS_FOLDER: join(inside, 'dags') }

  it('init makes a project that is free of faults, with the product beside it', async () => {
    const made = await project.dagctl(['init', 'My DAGs', '--timezone', 'Asia/Seoul'])
    expect(made.code).toBe(0)
    expect(readdirSync(inside).sort()).toEqual([
      '.gitignore',
      'README.md',
      expect.stringMatching(/^baram-\d+\.\d+\.\d+\.tgz$/),
      'dags',
      'package.json',
      'test',
      'tsconfig.json',
    ])
    expect(JSON.parse(readFileSync(join(inside, 'package.json'), 'utf8'))).toMatchObject({
      name: 'my-dags',
      type: 'module',
      dependencies: { baram: expect.stringMatching(/^file:baram-.*\.tgz$/) as string },
    })
    // What is printed can be typed.
    expect(made.stderr).toContain("next: cd 'My DAGs' && npm install && npm run check && npm test")
    expect(made.stderr).toContain('on no registry yet')
    install(inside)
    const checked = await project.dagctl(['check', '--json'], there)
    expect(JSON.parse(checked.stdout)).toMatchObject({ faults: [], dags: 1 })
  })

  it('init refuses a folder that is not empty, and with --force overwrites nothing', async () => {
    writeFileSync(join(inside, 'README.md'), 'mine')
    const refused = await project.dagctl(['init', 'My DAGs'])
    expect(refused.stderr).toContain('is not empty')
    expect(refused.code).toBe(4)
    const forced = await project.dagctl(['init', 'My DAGs', '--force'])
    expect(forced.stdout).toContain('kept  My DAGs/README.md')
    expect(readFileSync(join(inside, 'README.md'), 'utf8')).toBe('mine')
  })

  it('new makes a DAG file once, for a valid id alone', async () => {
    expect((await project.dagctl(['new', 'prices'], there)).code).toBe(0)
    const run = await project.dagctl(['test', 'prices', '--date', '2026-03-18'], there)
    expect(run.stdout).toContain('prices manual__2026-03-18T00:00:00+00:00: success')
    const again = await project.dagctl(['new', 'prices'], there)
    expect(again.stderr).toContain('is there already')
    expect(again.code).toBe(4)
    const invalid = await project.dagctl(['new', '../prices'], there)
    expect(invalid.stderr).toContain('a DAG id has 1 to 250')
    expect(invalid.code).toBe(2)
  })
})
