// Waiting for calm processors: an end in any case, and none that was called off.

import { describe, expect, it } from 'vitest'
import { untilCalm } from '../../runtime/idle-share.ts'

const never = new AbortController().signal

describe('waiting for calm processors', () => {
  it('ends in time, however busy they are', async () => {
    await expect(untilCalm(0, never)).resolves.toBeUndefined()
    await expect(untilCalm(5, never)).resolves.toBeUndefined()
  })

  it('ends with the reason of whoever calls it off', async () => {
    const off = AbortSignal.abort(new Error('stopped'))
    await expect(untilCalm(60_000, off)).rejects.toThrow()
  })
})
