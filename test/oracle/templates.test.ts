// Airflow's templates, said in ours: each value, filter and macro gives the text that Airflow gave.

import { describe, expect, test } from 'vitest'
import { renderTemplates } from '../../child/templates/render.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { AttemptSpec } from '../../core/protocol.ts'
import { localTexts } from '../../core/timetables/zone.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { readFacts } from './facts.ts'

type Meaning =
  | { readonly value: string }
  | { readonly filter: string; readonly of: Meaning }
  | { readonly macro: string; readonly args: readonly (Meaning | string | number | { readonly instant: string })[] }
interface Run {
  readonly type: string
  readonly logicalDate: string | null
  readonly interval: readonly [string, string] | null
  readonly runAfter: string
  readonly runId: string
  readonly conf: JsonObject
  readonly startDate: string
}
type Result = readonly [text: string] | readonly ['error', kind: string]
interface Facts {
  readonly params: JsonObject
  readonly variables: Readonly<Record<string, string>>
  readonly connections: Readonly<Record<string, string>>
  readonly runs: readonly Run[]
  readonly templates: readonly (readonly [Meaning, string, readonly Result[]])[]
}
const facts = readFacts<Facts>('templates')

/** The same in Handlebars. Dates that a macro is given stand in `args`. */
function say(meaning: Meaning | string | number | { readonly instant: string }, dates: Record<string, string>): string {
  if (typeof meaning === 'string') return JSON.stringify(meaning)
  if (typeof meaning === 'number') return String(meaning)
  if ('value' in meaning) return meaning.value
  if ('instant' in meaning) {
    const name = `d${Object.keys(dates).length}`
    dates[name] = meaning.instant
    return `dates.${name}`
  }
  if ('filter' in meaning) return `${meaning.filter} ${say(meaning.of, dates)}`
  return `macros.${meaning.macro} ${meaning.args.map((arg) => say(arg, dates)).join(' ')}`
}

function specOf(run: Run): AttemptSpec {
  const at = (text: string) => Date.parse(text)
  return {
    attempt: 1,
    modulePath: '',
    dagId: 'example',
    taskId: 'load',
    runId: run.runId,
    tryNumber: 1,
    mapIndex: -1,
    fence: '',
    runType: run.type,
    logicalDate: run.logicalDate === null ? null : at(run.logicalDate),
    dataInterval: run.interval === null ? null : { start: at(run.interval[0]), end: at(run.interval[1]) },
    runAfter: at(run.runAfter),
    runStartDate: at(run.startDate),
    timezone: 'UTC',
    conf: run.conf,
    embeddedRoot: '',
    inputs: [],
    doXcomPush: true,
    params: { ...facts.params, ...run.conf },
    triedAt: at(run.startDate),
    firstTriedAt: at(run.startDate),
    maxTries: 0,
    rescheduleCount: 0,
    expandedCount: null,
    resume: null,
  }
}

const lake = new URL(facts.connections['lake'] ?? '')
const CONNECTION = {
  id: 'lake',
  type: 'postgres',
  host: lake.hostname,
  login: lake.username,
  password: decodeURIComponent(lake.password),
  port: Number(lake.port),
  schema: lake.pathname.slice(1),
  extra: JSON.stringify(Object.fromEntries(lake.searchParams)),
}

async function render(meaning: Meaning, run: Run): Promise<Result> {
  const dates: Record<string, string> = {}
  const text = `{{${say(meaning, dates)}}}`
  const spec = specOf(run)
  const { client } = madeUpContext({
    embeddedRoot: '',
    variables: new Map(Object.entries(facts.variables)),
    connections: [CONNECTION],
  })
  const source = { client, previousSuccess: () => Promise.resolve(null) }
  try {
    // A macro that compares dates takes those of the context: each stands in a run of its own here.
    const named = Object.entries(dates).reduce(
      (all, [name, date]) =>
        all.replace(
          `dates.${name}`,
          name === 'd0' ? 'logical_date' : `dag_run.${date === dates['d0'] ? 'logical_date' : 'run_after'}`,
        ),
      text,
    )
    const at =
      dates['d0'] === undefined
        ? spec
        : { ...spec, logicalDate: Date.parse(dates['d0']), runAfter: Date.parse(dates['d1'] ?? '') }
    const templates = { fields: ['text'], options: { text: named }, mapIndexTemplate: null, isNative: false }
    const { options } = await renderTemplates(templates, at, localTexts(0, 'UTC'), {}, source)
    return [String(options['text'])]
  } catch {
    return ['error', 'any']
  }
}

/** Python's way to write a value, read back: how Airflow and we write the same thing differs, the thing does not. */
function fromPython(text: string): JsonValue | undefined {
  try {
    const json = text
      .replaceAll("'", '"')
      .replaceAll(/\bNone\b/g, 'null')
      .replaceAll(/\bTrue\b/g, 'true')
      .replaceAll(/\bFalse\b/g, 'false')
    return JSON.parse(json) as JsonValue
  } catch {
    return undefined
  }
}

/** Differences on purpose; each stands in docs/differences.md. */
const EXPLAINED: readonly (readonly [
  title: string,
  is: (template: string, run: Run, there: Result, here: Result) => boolean,
])[] = [
  ['Methods of dates', (template) => /\.(isoformat|strftime|add|timestamp)\(/.test(template)],
  ['Instants are UTC', (_, run) => run.runAfter.endsWith('+09:00')],
  [
    'Values are written as JSON',
    (_, __, there, here) =>
      there[0] !== 'error' &&
      here[0] !== 'error' &&
      JSON.stringify(fromPython(there[0])) === JSON.stringify(fromPython(here[0])) &&
      fromPython(there[0]) !== undefined,
  ],
  [
    'Run types are written as they are stored',
    (_, __, there, here) => there[0] === `DagRunType.${here[0].toUpperCase()}`,
  ],
  ['Partitions are not there', (template) => template.includes('partition_key')],
]

describe('templates of a real Airflow', () => {
  test('give the same text here, or the difference is explained', async () => {
    const counts: Record<string, number> = {}
    const different: string[] = []
    for (const [meaning, template, results] of facts.templates) {
      for (const [i, there] of results.entries()) {
        const run = facts.runs[i] as Run
        const here = await render(meaning, run)
        const isSame = there[0] === 'error' ? here[0] === 'error' : there[0] === here[0]
        const [title] = isSame ? ['same'] : (EXPLAINED.find(([, is]) => is(template, run, there, here)) ?? [null])
        if (title === null || title === undefined)
          different.push(`${template} of run ${i}: ${there.join(' ')} there, ${here.join(' ')} here`)
        else counts[title] = (counts[title] ?? 0) + 1
      }
    }
    expect(different).toEqual([])
    expect(counts).toEqual({
      same: 933,
      'Methods of dates': 48,
      'Instants are UTC': 23,
      'Values are written as JSON': 58,
      'Run types are written as they are stored': 14,
      'Partitions are not there': 1,
    })
  })
})
