// This machine's deployment, as commands see it.

import { explain } from '../../../engine/why/why.ts'
import { getRun } from '../../../store/postgres/read-runs.ts'
import { readInstant } from '../../arguments.ts'
import { type ControlContext, withControl } from '../../control.ts'
import type { Deployment, WhyAsked } from '../deployment.ts'
import { backfillsOf, connectionsOf, poolsOf, variablesOf } from './admin.ts'
import { dagsOf } from './dags.ts'
import { instancesOf } from './instances.ts'
import { runsOf } from './runs.ts'

const DATED = /^\d{4}-\d{2}-\d{2}/

async function why({ database, runCache }: ControlContext, { dagId, run, taskId, mapIndex }: WhyAsked) {
  // A run by its id before a time: ids may look like one.
  const isTime = run !== undefined && DATED.test(run) && (await getRun(database, dagId, run)) === null
  const asked = run === undefined ? null : isTime ? readInstant(run, 'the time of a run') : run
  return explain(database, runCache, { dagId, run: asked, taskId: taskId ?? null, mapIndex: mapIndex ?? null })
}

const deploymentOf = (context: ControlContext): Deployment => ({
  dags: dagsOf(context),
  runs: runsOf(context),
  instances: instancesOf(context),
  backfills: backfillsOf(context),
  variables: variablesOf(context),
  connections: connectionsOf(context),
  pools: poolsOf(context),
  why: (asked) => why(context, asked),
})

export const withLocal = <T>(body: (deployment: Deployment) => Promise<T>): Promise<T> =>
  withControl((context) => body(deploymentOf(context)))
