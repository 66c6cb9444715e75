// The product's trigger rules against the oracle: every small case, and large ones at random.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeRule, TRIGGER_RULES, type TriggerRule, type UpstreamCounts } from '../../../core/trigger-rules.ts'
import { judge, RULE_NAMES, UPSTREAMS, type Upstream } from './oracle.ts'

/** What the product is given for the same upstreams. */
function countsOf(direct: readonly Upstream[], setups: readonly Upstream[]): UpstreamCounts {
  const number = (list: readonly Upstream[], wanted: Upstream) => list.filter((state) => state === wanted).length
  return {
    total: direct.length,
    success: number(direct, 'success'),
    failed: number(direct, 'failed'),
    upstreamFailed: number(direct, 'upstream_failed'),
    skipped: number(direct, 'skipped'),
    removed: number(direct, 'removed'),
    setups: { total: setups.length, success: number(setups, 'success'), skipped: number(setups, 'skipped') },
  }
}

/** All multisets of upstream states with `size` members. */
function multisets(size: number, from = 0): Upstream[][] {
  if (size === 0) return [[]]
  return UPSTREAMS.slice(from).flatMap((state, i) => multisets(size - 1, from + i).map((rest) => [state, ...rest]))
}

const LISTS = [0, 1, 2, 3, 4, 5].flatMap((size) => multisets(size))

/** Both answers where they differ. */
function difference(rule: TriggerRule, direct: readonly Upstream[], setups: readonly Upstream[]) {
  const expected = judge(rule, { direct, setups })
  const found = judgeRule(rule, countsOf(direct, setups))
  return expected === found ? [] : [{ rule, direct: direct.join(' '), setups: setups.join(' '), expected, found }]
}

describe('trigger rules', () => {
  test('the product knows the rules of the document and no other', () => {
    expect([...TRIGGER_RULES].sort()).toEqual([...RULE_NAMES].sort())
  })

  test('the small cases are all there: 462 lists of up to five upstreams', () => {
    expect(LISTS).toHaveLength(462)
  })

  test.each(TRIGGER_RULES)('%s says what the oracle says of every list of up to five upstreams', (rule) => {
    const differences = LISTS.flatMap((direct) => difference(rule, direct, []))
    expect(differences).toEqual([])
  })

  test('all_done_setup_success says what the oracle says of every choice of setups among up to four upstreams', () => {
    const differences = LISTS.filter((direct) => direct.length <= 4).flatMap((direct) =>
      Array.from({ length: 2 ** direct.length }, (_, mask) =>
        direct.filter((_state, i) => (mask >> i) % 2 === 1),
      ).flatMap((setups) => difference('all_done_setup_success', direct, setups)),
    )
    expect(differences).toEqual([])
  })

  test('every rule says what the oracle says of up to 40 upstreams', () => {
    const upstreams = fc.array(fc.constantFrom(...UPSTREAMS), { maxLength: 40 })
    fc.assert(
      fc.property(fc.constantFrom(...TRIGGER_RULES), upstreams, (rule, direct) => {
        expect(difference(rule, direct, [])).toEqual([])
      }),
      { numRuns: 5_000 },
    )
  })

  test('only always and the one_… rules start early, and how the rest ends never takes that back', () => {
    const ended = UPSTREAMS.filter((state) => state !== 'unfinished')
    const early = TRIGGER_RULES.filter((rule) => {
      const starts = LISTS.filter(
        (list) => list.length < 5 && judgeRule(rule, countsOf([...list, 'unfinished'], [])) === 'run',
      )
      for (const list of starts)
        for (const end of ended) expect(judgeRule(rule, countsOf([...list, end], []))).toBe('run')
      return starts.length > 0
    })
    expect(early).toEqual(['one_success', 'one_failed', 'one_done', 'always'])
  })
})
