// The event log on files: each row of the replay once, by whole batches, with its dead letters.

import { describe, test } from 'vitest'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { killEverywhere } from './kill-everywhere.ts'
import { allFiles, batchesIn, copyOf, emptyWorld, forget, recordsIn, withHistory } from './worlds.ts'

removeTemporaryFoldersAfterwards()

describe('a replay, killed at any step and tried again,', () => {
  test('puts each row into the topic once', async () => {
    const original = { world: await withHistory(await emptyWorld()) }
    await killEverywhere('event log', {
      work: 'replay',
      guards: ['eventLog', 'files'],
      prepare: () => copyOf(original),
      units: batchesIn,
      contents: async (world) => [
        await recordsIn(world),
        // Frames hold the time of sending, and a transactional id counts how often it was opened.
        Object.keys(await allFiles(world)),
      ],
      forget: (world) => forget(world, original),
    })
  })
})
