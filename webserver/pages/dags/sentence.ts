// The sentence of the list.

import type { DagCounts } from '../../../store/postgres/dag-list.ts'
import { say } from '../frame/page-view.ts'
import { countWord, type Part } from '../frame/sentence.ts'

/** The worst first: nothing is quiet while a file is broken, a DAG fails or a run is late. */
export function listSentence({ all, failing, running, late }: DagCounts, broken: number): Part[] {
  const n = all.toLocaleString('en')
  if (broken > 0)
    return say('{word} DAG {k#file has an error#files have errors}.', { word: countWord(broken), k: broken })
  if (all === 0) return say('No DAGs yet.')
  if (failing > 0)
    return failing === all
      ? say('{k#The only DAG#All {n} DAGs} failed last time.', { n, k: all })
      : say('{word} of {n} DAGs {k#is#are} failing.', { word: countWord(failing), k: failing, n })
  if (late > 0) return say('{word} of {n} DAGs {k#is#are} late.', { word: countWord(late), k: late, n })
  if (running > 0) return say('{n} {k#DAG#DAGs}, {running} running now.', { n, k: all, running })
  return say('{n} {k#DAG#DAGs}, none failing.', { n, k: all })
}
