// Local files: each appears whole or not at all, and no part stays beside it; and the hour that is made of them, in the lake.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { writeCsv } from '../../operators/parquet/write.ts'
import type { ScratchFile } from '../../operators/scratch/scratch.ts'
import { BEST_COLUMNS } from '../../pipelines/gmarket/columns.ts'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { filesBelow, killEverywhere, type Sink } from './kill-everywhere.ts'
import { HOUR, type WorkName, type World } from './works.ts'
import { allFiles, bestRows, copyOf, emptyWorld, forget, type Original, visibleFiles, withGiven } from './worlds.ts'

removeTemporaryFoldersAfterwards()

/** Hidden names are nobody's business but the writer's. */
async function shownIn(folder: string) {
  const files = Object.entries(await filesBelow(folder))
  return Object.fromEntries(files.filter(([name]) => !/(^|\/)\./.test(name) && !name.endsWith('/')))
}

const sinkOf = (work: WorkName, original: Original): Sink => ({
  work,
  guards: ['files', 'duckdb'],
  prepare: () => copyOf(original),
  units: ({ root }) => shownIn(join(root, 'out')),
  contents: allFiles,
  forget: (world) => forget(world, original),
})

describe.each(['parquet', 'csv'] as const)('a %s file, killed at any step and written again,', (format) => {
  test('is there once', async () => {
    await killEverywhere(`${format} (new file)`, sinkOf(format, { world: await emptyWorld() }))
  })

  test('replaces an older one at once', async () => {
    const world = await emptyWorld()
    await mkdir(join(world.root, 'out'))
    await writeFile(join(world.root, 'out', `x.${format}`), 'older')
    await killEverywhere(`${format} (older file)`, sinkOf(format, { world }))
  })
})

async function withCategories(world: World): Promise<World> {
  const files: ScratchFile[] = []
  for (const category of ['1', '2']) {
    const name = `${category}.csv`
    const path = join(world.root, 'in', name)
    const rows = bestRows(HOUR, category, 'new')
    const file = await writeCsv({ path, columns: BEST_COLUMNS, rows, sortBy: ['rank'] })
    files.push({ file_name: name, local_file_path: join('in', name), ...file })
  }
  return withGiven(world, { files })
}

describe('an hour that is merged and stored, killed at any step and tried again,', () => {
  test('is one CSV and one Parquet file in the lake', async () => {
    const world = await withCategories(await emptyWorld())
    const original = { world }
    await killEverywhere('merged files into the lake', {
      ...sinkOf('store', original),
      guards: ['files', 'duckdb', 'lake'],
      units: visibleFiles,
    })
  })
})
