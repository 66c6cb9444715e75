// Airflow's own trigger rules over made-up upstreams, mapped and not, setups and not: the verdicts are the same.

import { describe, expect, test } from 'vitest'
import { judgeRule, TRIGGER_RULES, type TriggerRule, type UpstreamCounts } from '../../core/trigger-rules.ts'
import { type Explained, readFacts, replay } from './facts.ts'

/** Upstream tasks: a letter an instance, `!` a setup, `*` mapped. Verdicts: `run`, `wait`, or the state forced. */
type Mix = readonly [rule: TriggerRule, mapIndex: number, upstreams: readonly string[], verdict: string]

const facts = readFacts<{
  /** Single upstream tasks, a letter each; many mixes in one text. */
  plain: readonly (readonly [rule: TriggerRule, mapIndex: number, verdict: string, mixes: string])[]
  mixed: readonly Mix[]
}>('trigger-rules')

const mixes: readonly Mix[] = [
  ...facts.plain.flatMap(([rule, mapIndex, verdict, texts]) =>
    texts.split(' ').map((letters): Mix => [rule, mapIndex, [...letters], verdict]),
  ),
  ...facts.mixed,
]

function countsOf(upstreams: readonly string[]): UpstreamCounts {
  const letters = upstreams.join('').replace(/[!*]/g, '')
  const setups = upstreams
    .filter((task) => task.includes('!'))
    .join('')
    .replace(/[!*]/g, '')
  const number = (text: string, letter: string): number => text.split(letter).length - 1
  return {
    total: letters.length,
    success: number(letters, 's'),
    failed: number(letters, 'f'),
    upstreamFailed: number(letters, 'u'),
    skipped: number(letters, 'k'),
    removed: number(letters, 'r'),
    setups: { total: setups.length, success: number(setups, 's'), skipped: number(setups, 'k') },
  }
}

const explained: readonly Explained<Mix>[] = [
  {
    title: 'A mapped upstream without any instance',
    covers: ([, , upstreams]) => upstreams.every((task) => !/[a-z-]/.test(task)),
  },
  {
    title: 'A mapped instance beside removed upstreams',
    covers: ([rule, , , verdict]) => rule === 'all_success' && verdict.startsWith('removed'),
  },
]

describe(`the trigger rules of Airflow ${facts.airflow}`, () => {
  test('are these', () => {
    expect([...new Set(facts.plain.map(([rule]) => rule))].sort()).toEqual([...TRIGGER_RULES].sort())
  })

  test('say the same of 10,000 mixes of upstreams', () => {
    const compare = ([rule, , upstreams, verdict]: Mix): unknown => {
      // "+run" is Airflow letting go what it has just forced to end: docs/differences.md.
      const found = judgeRule(rule, countsOf(upstreams))
      return found === verdict.replace('+run', '') ? null : found
    }
    const { count, differences, used } = replay(mixes, compare, explained)
    expect(differences).toEqual([])
    expect(Object.fromEntries(used)).toEqual({
      'A mapped upstream without any instance': 8,
      'A mapped instance beside removed upstreams': 10,
    })
    expect(count).toBeGreaterThan(10_000)
  })
})
