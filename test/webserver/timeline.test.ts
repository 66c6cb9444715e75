// A run in time, as its page tells it: rows, critical path, where the time went, the axis.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildGraph } from '../../core/graph.ts'
import type { RunAttempt } from '../../store/postgres/run-page.ts'
import { criticalPath, ticks, timelineRows, timeSpent } from '../../webserver/pages/run/timeline.ts'
import { makeDag, makeTask } from './seed.ts'

const attempt = (taskId: string, start: number, end: number | null, more: Partial<RunAttempt> = {}): RunAttempt => ({
  ...{ taskId, isMapped: false, tryNumber: 1, state: 'success', queuedDttm: null, startDate: start, endDate: end },
  ...more,
})
const none = () => null

describe('the rows of a run in time', () => {
  it('have a piece a try, and end now while one runs', () => {
    const rows = timelineRows([attempt('a', 0, 5, { state: 'failed' }), attempt('a', 9, null)], none, 30)
    expect(rows.get('a')?.work.map(({ start, end }) => [start, end])).toEqual([
      [0, 5],
      [9, 30],
    ])
  })

  it('have one piece for a mapped task, from its first start to its last end', () => {
    const mapped = attempt('m', 3, 8, { isMapped: true, state: null })
    expect(timelineRows([mapped], () => 'failed', 30).get('m')?.work).toEqual([
      { start: 3, end: 8, state: 'failed', queued: null },
    ])
  })

  it('never end before they begin, whatever clocks say', () => {
    expect(timelineRows([attempt('a', 9, 5)], none, 1).get('a')?.work[0]).toMatchObject({ start: 9, end: 9 })
  })
})

describe('the critical path', () => {
  const graph = buildGraph(
    makeDag('d', {
      tasks: [makeTask('first'), makeTask('quick'), makeTask('slow'), makeTask('last')],
      edges: [
        ['first', 'quick'],
        ['first', 'slow'],
        ['quick', 'last'],
        ['slow', 'last'],
      ],
    }),
  )
  const attempts = [attempt('first', 0, 10), attempt('quick', 10, 12), attempt('slow', 11, 40), attempt('last', 41, 50)]

  it('leads back through the upstream that ended last', () => {
    expect(criticalPath(graph, timelineRows(attempts, none, 60))).toEqual(['first', 'slow', 'last'])
  })

  it('is empty before anything has begun', () => {
    expect(criticalPath(graph, new Map())).toEqual([])
  })

  it('tells running, slots, retries and the rest apart', () => {
    const rows = timelineRows(
      [
        attempt('first', 0, 10, { state: 'failed', queuedDttm: 0 }),
        attempt('first', 45, 50, { tryNumber: 2, queuedDttm: 40 }),
        attempt('last', 58, 60, { queuedDttm: 57 }),
      ],
      none,
      60,
    )
    const spent = timeSpent({ start: 0, end: 62 }, ['first', 'last'], rows)
    expect(spent).toEqual({ running: 17, queued: 6, retries: 30, total: 62, other: 9 })
  })

  it('spends the whole time, and no part of it twice', () => {
    const times = fc.tuple(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000))
    fc.assert(
      fc.property(fc.array(times, { maxLength: 8 }), fc.nat(3_000), (all, end) => {
        const made = all.map(([start, took, wait], i) =>
          attempt(`t${i}`, start, start + took, { queuedDttm: start - wait }),
        )
        const rows = timelineRows(made, none, 5_000)
        const last = Math.max(end, ...made.map((one) => one.endDate ?? 0))
        const { running, queued, retries, other, total } = timeSpent({ start: 0, end: last }, [...rows.keys()], rows)
        for (const part of [running, queued, retries, other]) expect(part).toBeGreaterThanOrEqual(0)
        expect(running + queued + retries + other).toBe(total)
      }),
    )
  })
})

describe('the axis', () => {
  it('has at most nine lines, at round values, within its length', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1e8, noNaN: true }), (seconds) => {
        const lines = ticks(seconds)
        expect(lines.length).toBeLessThanOrEqual(9)
        expect(lines[0]).toBe(0)
        expect(lines.every((line) => line <= seconds + 0.01)).toBe(true)
      }),
    )
  })

  it.each([
    [140, 30],
    [7, 1],
    [0.4, 0.05],
    [90_000, 21_600],
  ])('over %s s has a line every %s s', (seconds, step) => {
    expect(ticks(seconds).slice(0, 2)).toEqual([0, step])
  })
})
