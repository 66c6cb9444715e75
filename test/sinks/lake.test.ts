// The lake on a folder: a file is there whole or as it was, and nothing is left beside it.

import { describe, test } from 'vitest'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { killEverywhere, type Sink } from './kill-everywhere.ts'
import { allFiles, copyOf, emptyWorld, forget, type Original, putBytes, visibleFiles, withBytes } from './worlds.ts'

removeTemporaryFoldersAfterwards()

const sinkOf = (original: Original): Sink => ({
  work: 'upload',
  guards: ['lake', 'files'],
  prepare: () => copyOf(original),
  units: visibleFiles,
  contents: allFiles,
  forget: (world) => forget(world, original),
})

describe('an upload to the lake, killed at any step and tried again,', () => {
  test('leaves the file once', async () => {
    const world = await withBytes(await emptyWorld(), 'new')
    await killEverywhere('lake (new file)', sinkOf({ world }))
  })

  test('replaces an older file at once', async () => {
    const older = await withBytes(await emptyWorld(), 'old')
    await putBytes(older)
    const world = await withBytes(older, 'new')
    await killEverywhere('lake (older file)', sinkOf({ world }))
  })
})
