// A server's deployment, as commands see it: every question is a request to its REST API.

import { type Target, warnOfPlainText } from '../../target.ts'
import type { Deployment, WhyAsked } from '../deployment.ts'
import { backfillsOf, connectionsOf, poolsOf, variablesOf } from './admin.ts'
import { pathOf, RestClient } from './client.ts'
import { dagsOf } from './dags.ts'
import { instancesOf } from './instances.ts'
import { runsOf } from './runs.ts'
import { Zones } from './zones.ts'

async function why(client: RestClient, { dagId, run, taskId, mapIndex }: WhyAsked) {
  const query = { run, task_id: taskId, map_index: mapIndex }
  const answer = await client.get(pathOf`/api/baram/v1/dags/${dagId}/why`, query)
  return {
    dagId: answer.text('dag_id'),
    runId: answer.textOrNull('dag_run_id'),
    taskId: answer.textOrNull('task_id'),
    mapIndex: answer.numberOrNull('map_index'),
    code: answer.text('code'),
    sentence: answer.text('sentence'),
  }
}

function deploymentOf(client: RestClient): Deployment {
  const zones = new Zones(client)
  return {
    dags: dagsOf(client),
    runs: runsOf(client, zones),
    instances: instancesOf(client, zones),
    backfills: backfillsOf(client),
    variables: variablesOf(client),
    connections: connectionsOf(client),
    pools: poolsOf(client),
    why: (asked) => why(client, asked),
  }
}

export function withRemote<T>(target: Target, body: (deployment: Deployment) => Promise<T>): Promise<T> {
  if (target.token !== null) warnOfPlainText(target.url, 'the token travels')
  return body(deploymentOf(new RestClient(target)))
}
