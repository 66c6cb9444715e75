// Timers that end together, and waits that leave none behind.

import { describe, expect, it, vi } from 'vitest'
import { cameWithin, TimerSet } from '../../runtime/timer.ts'

const never = new Promise<never>(() => undefined)

describe('timers of one owner', () => {
  it('call what they are for, once or again and again', () => {
    vi.useFakeTimers()
    try {
      const timers = new TimerSet()
      const calls: string[] = []
      timers.after(10, () => calls.push('after'))
      timers.every(20, () => calls.push('every'))
      vi.advanceTimersByTime(45)
      expect(calls).toEqual(['after', 'every', 'every'])
      timers.end()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('can be called off one by one', () => {
    vi.useFakeTimers()
    try {
      const timers = new TimerSet()
      const calls: number[] = []
      const cancel = timers.after(10, () => calls.push(1))
      timers.after(10, () => calls.push(2))
      cancel()
      vi.advanceTimersByTime(10)
      expect(calls).toEqual([2])
    } finally {
      vi.useRealTimers()
    }
  })

  it('end all at once: nothing is called any more, and no pause lasts', async () => {
    vi.useFakeTimers()
    try {
      const timers = new TimerSet()
      const calls: number[] = []
      timers.after(10, () => calls.push(1))
      timers.every(10, () => calls.push(2))
      const pause = timers.pause(1_000_000)
      timers.end()
      await pause
      timers.after(10, () => calls.push(3))
      timers.every(10, () => calls.push(4))
      await timers.pause(1_000_000)
      expect(vi.getTimerCount()).toBe(0)
      expect(calls).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a wait with a limit', () => {
  it('tells what came in time from what did not, and leaves no timer', async () => {
    vi.useFakeTimers()
    try {
      expect(await cameWithin(1_000, Promise.resolve('x'))).toBe(true)
      const late = cameWithin(1_000, never)
      await vi.advanceTimersByTimeAsync(1_000)
      expect(await late).toBe(false)
      await expect(cameWithin(1_000, Promise.reject(new Error('gone')))).rejects.toThrow('gone')
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})
