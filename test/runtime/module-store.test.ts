// A module on disk is trusted by its content, not by its name.

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ModuleStore } from '../../runtime/module-store.ts'

const CODE = 'export const dag = 1\n'
const HASH = createHash('sha256').update(CODE).digest('hex')

describe('a stored module', () => {
  let home: string
  let path: string
  const open = () => {
    const store = new ModuleStore(home)
    store.open()
    return store
  }
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'baram-modules-'))
    path = open().put(HASH, CODE)
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  const DAMAGES: Readonly<Record<string, () => void>> = {
    emptied: () => truncateSync(path, 0),
    'cut short': () => truncateSync(path, 7),
    altered: () => writeFileSync(path, CODE.replace('1', '2')),
    'made longer': () => writeFileSync(path, `${CODE}//\n`),
    removed: () => rmSync(path),
    'altered with its old size and time': () => {
      const { atime, mtime } = statSync(path)
      writeFileSync(path, CODE.replace('1', '2'))
      utimesSync(path, atime, mtime)
    },
  }

  it.each(Object.entries(DAMAGES))(
    '%s is found, by a process that knew it and by a new one, and written anew',
    async (_, damage) => {
      for (const store of [open(), open()]) {
        expect(store.find(HASH)).toBe(path)
        damage()
        expect(store.find(HASH)).toBeNull()
        expect(open().find(HASH)).toBeNull()
        let loads = 0
        const load = () => {
          loads++
          return Promise.resolve(CODE)
        }
        expect(await store.obtain(HASH, load)).toBe(path)
        expect(await store.obtain(HASH, load)).toBe(path)
        expect(loads).toBe(1)
        expect(readFileSync(path, 'utf8')).toBe(CODE)
      }
    },
  )

  it('that is damaged in the database as well is an error', async () => {
    truncateSync(path, 0)
    await expect(open().obtain(HASH, () => Promise.resolve('other'))).rejects.toMatchObject({ code: 'MODULE_DAMAGED' })
    await expect(open().obtain(HASH, () => Promise.resolve(null))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
