// Files that come: what counts as there, and which names a pattern means.

import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { fileSensor } from '../../../operators/file/file-sensor.ts'
import { findFile, glob, nameMatcher } from '../../../operators/file/glob.ts'
import { TaskDeferred, TaskRescheduled } from '../../../sdk/signals.ts'
import {
  type MadeUp,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  temporaryFolder,
} from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

let root: string
beforeEach(async () => {
  root = await temporaryFolder()
})

async function put(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), '')
  }
}

async function found(pattern: string, recursive = false): Promise<readonly string[]> {
  const paths: string[] = []
  for await (const path of glob(join(root, pattern), recursive)) paths.push(path.slice(root.length + 1))
  return paths.sort()
}

describe('a name', () => {
  test.each([
    ['*.csv', 'a.csv', true],
    ['*.csv', '.a.csv', false],
    ['.*', '.a', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[ab]x', 'bx', true],
    ['[!ab]x', 'bx', false],
    ['[]]x', ']x', true],
    ['[x', '[x', true],
    ['[z-a]', 'z', false],
    ['[^a]', '^', true],
    ['a.c', 'abc', false],
    ['(a|b)+$', '(a|b)+$', true],
    ['가*', '가나.csv', true],
    ['\\d', '\\d', true],
  ])('%s and %s: %s', (pattern, name, isMatch) => {
    expect(nameMatcher(pattern)(name)).toBe(isMatch)
  })
})

describe('a pattern', () => {
  beforeEach(() => put('in/a.csv', 'in/.hidden.csv', 'in/day/b.csv', 'in/day/hour/c.csv', 'in/.git/d.csv'))

  test.each([
    ['in/a.csv', false, ['in/a.csv']],
    ['in/b.csv', false, []],
    ['in/*.csv', false, ['in/a.csv']],
    ['in/*/*.csv', false, ['in/day/b.csv']],
    ['in/**/*.csv', false, ['in/day/b.csv']],
    ['in/**/*.csv', true, ['in/a.csv', 'in/day/b.csv', 'in/day/hour/c.csv']],
    ['in/day/**', true, ['in/day/b.csv', 'in/day/hour', 'in/day/hour/c.csv']],
    ['missing/*', false, []],
    ['in/a.csv/*', false, []],
  ])('%s (recursive %s) is %j', async (pattern, recursive, paths) => {
    expect(await found(pattern, recursive)).toEqual(paths)
  })

  test('ends although links lead in a circle', async () => {
    await symlink(root, join(root, 'in/day/loop'))
    expect(await found('in/**/c.csv', true)).toEqual(['in/day/hour/c.csv'])
  })
})

describe('what counts as there', () => {
  test('is a file, or a folder with a file at any depth', async () => {
    await mkdir(join(root, 'empty/below'), { recursive: true })
    await put('full/below/x')
    const signal = new AbortController().signal
    expect(await findFile(join(root, 'empty'), false, signal)).toBeNull()
    expect(await findFile(join(root, 'full'), false, signal)).toBe(join(root, 'full'))
    expect(await findFile(join(root, '*'), false, signal)).toBe(join(root, 'full'))
  })

  test('is no link that leads nowhere', async () => {
    await symlink(join(root, 'nowhere'), join(root, 'link'))
    expect(await findFile(join(root, 'link'), false, new AbortController().signal)).toBeNull()
  })
})

describe('the sensor', () => {
  const contextOf = (world: Partial<MadeUp> = {}) =>
    madeUpContext({ embeddedRoot: '/nowhere', triedAt: new Date(), ...world })

  test('gives the path of what is there, from its rendered options', async () => {
    await put('2024-03-18.csv')
    const operator = fileSensor({ filepath: '/in/{{ds}}.csv' })
    expect(operator.templateFields).toEqual(['filepath', 'fsConnId'])
    const rendered = { ...operator.options, filepath: join(root, '2024-03-18.csv') }
    expect(await operator.execute(contextOf(), {}, rendered)).toBe(join(root, '2024-03-18.csv'))
  })

  test('looks below the folder of its connection', async () => {
    await put('in/a.csv')
    const connections = [{ id: 'fs_default', type: 'fs', extra: JSON.stringify({ path: root }) }]
    expect(await fileSensor({ filepath: 'in/*.csv' }).execute(contextOf({ connections }), {})).toBe(
      join(root, 'in/a.csv'),
    )
  })

  test('gives its slot back, or waits in the triggerer, which looks for what was rendered', async () => {
    const filepath = join(root, 'late.csv')
    const rescheduled = fileSensor({ filepath, mode: 'reschedule', pokeInterval: 5 })
    await expect(rescheduled.execute(contextOf(), {})).rejects.toThrow(TaskRescheduled)
    const operator = fileSensor({ filepath: '{{unrendered}}', deferrable: true })
    const op = contextOf()
    const deferred = await Promise.resolve(operator.execute(op, {}, { ...operator.options, filepath })).catch(
      (error: unknown) => error,
    )
    expect(deferred).toBeInstanceOf(TaskDeferred)
    const { wait } = deferred as TaskDeferred
    const [trigger] = operator.triggers ?? []
    if (wait.kind !== 'trigger' || trigger === undefined) throw new Error('expected a wait for the trigger')
    expect(wait.name).toBe(trigger.triggerName)
    // The file comes while the triggerer sleeps.
    const event = await trigger.run({ ...op, sleep: () => put('late.csv') }, wait.args)
    expect(await operator.resume?.(op, event, {}, operator.options)).toBe(filepath)
  })

  test.each([
    [{ filepath: 'relative.csv' }, [], /connection fs_default: there is none/],
    [{ filepath: '/a', fsConnId: 'mine' }, [], /connection mine: there is none/],
    [{ filepath: 'a' }, [{ id: 'fs_default', type: 'http' }], /must be of type fs/],
  ])('%o with %o is refused with a reason', async (options, connections, reason) => {
    await expect(fileSensor(options).execute(contextOf({ connections }), {})).rejects.toThrow(reason)
  })
})
