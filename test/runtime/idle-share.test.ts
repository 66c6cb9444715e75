// Waiting for calm processors: an end in any case, and none that was called off.

import { describe, expect, it } from 'vitest'
import { IdleShare, untilCalm } from '../../runtime/idle-share.ts'

const never = new AbortController().signal

describe('waiting for calm processors', () => {
  it('ends in time, however busy they are', async () => {
    await untilCalm(0, never)
    await untilCalm(5, never)
  })

  it('ends with the reason of whoever calls it off', async () => {
    const off = AbortSignal.abort(new Error('stopped'))
    await expect(untilCalm(60_000, off)).rejects.toThrow()
  })
})

describe('the share that processors have left', () => {
  it('is between none and all', () => {
    const share = new IdleShare().take()
    expect(share >= 0 && share <= 1).toBe(true)
  })
})
