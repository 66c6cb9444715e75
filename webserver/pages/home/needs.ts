// What needs somebody, the worst first: nothing runs, a file is broken, a DAG fails, a deployment's problem, a date that is late.

import { duration, moment, relative, zoneName } from '../../../core/times.ts'
import { reasonText } from '../../../engine/why/run.ts'
import type { FailingDag, UpcomingRun } from '../../../store/postgres/home.ts'
import { controlLinks, dagPath, runPath } from '../frame/links.ts'
import { say } from '../frame/page-view.ts'
import { countWord, type Part } from '../frame/sentence.ts'
import type { Problem } from '../monitoring/problems.ts'

export interface Need {
  /** Of its cell; null = a triangle. */
  readonly state: 'failed' | 'up_for_retry' | null
  readonly sentence: readonly Part[]
  readonly why: string | null
  readonly href: string
  /** Epoch ms; null = it lasts. */
  readonly at: number | null
  /** What is most likely to be done about it; only for those who may. */
  readonly retry: string | null
}

export interface BrokenFile {
  readonly id: number
  readonly filename: string
  readonly timestamp: number
}

const fileNeed = ({ id, filename, timestamp }: BrokenFile): Need => ({
  ...{ state: null, href: `/errors/${id}`, at: timestamp, retry: null },
  sentence: say('{file} has an error.', { file: filename }, 'file'),
  why: 'What it declared before keeps running.',
})

function failingNeed(dag: FailingDag): Need {
  const { dagId, runId, taskId, streak, startDate, endDate, because, timezone } = dag
  const values = { dag: dagId, task: taskId ?? '', n: streak }
  const took = startDate === null ? '' : ` It had run for ${duration((endDate - startDate) / 1_000)}.`
  return {
    state: 'failed',
    sentence: [
      ...(taskId === null ? say('{dag} failed', values, 'dag') : say('{dag} failed at {task}', values, 'dag', 'task')),
      ...(streak > 1 ? say(', the last {n} runs.', { n: streak > 99 ? '100' : streak }) : say('.')),
    ],
    why: reasonText(because, timezone) ?? `No cause is recorded.${took}`,
    href: runPath(dagId, runId),
    at: endDate,
    retry: controlLinks({ dagId, runId }, null, null).clearFailed,
  }
}

const lateNeed = ({ dagId, timezone, at }: UpcomingRun, now: number): Need => ({
  ...{ state: 'up_for_retry', href: dagPath(dagId), at, retry: null },
  sentence: say('{dag} is late.', { dag: dagId }, 'dag'),
  why: `Its run of ${moment(at, timezone, now)} ${zoneName(timezone, at)} has not been made.`,
})

const problemNeed = ({ sentence, isBad, href }: Problem): Need => ({
  ...{
    state: isBad ? 'failed' : 'up_for_retry',
    sentence,
    why: null,
    href: href ?? '/monitoring',
    at: null,
    retry: null,
  },
})

export interface Standing {
  readonly problems: readonly Problem[]
  readonly files: readonly BrokenFile[]
  readonly failing: readonly FailingDag[]
  readonly late: readonly UpcomingRun[]
}

export function findNeeds({ problems, files, failing, late }: Standing, now: number): readonly Need[] {
  const isMissing = ({ isBad, href }: Problem) => isBad && href === null
  return [
    ...problems.filter(isMissing).map(problemNeed),
    ...files.map(fileNeed),
    ...failing.map(failingNeed),
    ...problems.filter((one) => !isMissing(one)).map(problemNeed),
    ...late.map((one) => lateNeed(one, now)),
  ]
}

/** One sentence when all is quiet: what comes next. */
export function homeSentence(needs: number, running: number, next: UpcomingRun | undefined, now: number): Part[] {
  if (needs > 0) return say('{word} {n#thing needs#things need} you.', { word: countWord(needs), n: needs })
  const quiet = running === 0 ? 'All quiet.' : 'All quiet, {n} {n#run#runs} under way.'
  if (next === undefined) return say(quiet, { n: running })
  const { dagId, timezone, at } = next
  const values = { n: running, dag: dagId, at: moment(at, timezone, now), zone: zoneName(timezone, at) }
  return say(`${quiet} Next: {dag} at {at} {zone}.`, values, 'dag')
}

/** Beside a need: when it began. */
export const ago = (at: number | null, now: number): string | null => (at === null ? null : relative(at, now))
