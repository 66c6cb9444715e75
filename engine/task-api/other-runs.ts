// What a task may ask about other runs: make one, see how one stands.

import { BaramError } from '../../core/errors.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { makeRunId } from '../../core/run-id.ts'
import { randomText } from '../../runtime/ids.ts'
import type { Database } from '../../store/database.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { findRunState, findTaskStates } from '../../store/postgres/other-runs.ts'
import type { Sql } from '../../store/sql.ts'
import { resetRun } from '../control/clear.ts'
import type { Actor, Engine } from '../engine.ts'
import { triggerRun } from '../runs/create.ts'
import { instantOrNull, objectArg, textArg, textOrNull } from './arguments.ts'

/** Marks a request whose run id is ours. Not a name that a child can send: it sends plain field names. */
const IS_OURS = ' named'

/**
 * The same request under a name of its own where it has none: repeated because its connection broke, it makes one run. A
 * logical date is a name too.
 */
export async function nameTriggered(database: Database, args: JsonObject): Promise<JsonObject> {
  if ((args['runId'] ?? null) !== null || (args['logicalDate'] ?? null) !== null) return args
  const runAfter = instantOrNull(args, 'runAfter') ?? (await databaseNow(database))
  return { ...args, runAfter, runId: makeRunId('manual', runAfter, randomText(8)), [IS_OURS]: true }
}

/**
 * Makes a manual run of a DAG. One that exists is told, or begins again when `resetDagRun` asks for it.
 * @param fence throws, in the transaction that makes the run, when the attempt has been taken over
 */
export async function callTriggerRun(
  { database, runCache, transactions, vault }: Engine,
  actor: Actor,
  fence: (tx: Sql) => Promise<void>,
  args: JsonObject,
): Promise<JsonValue> {
  const dagId = textArg(args, 'dagId')
  const runId = textOrNull(args, 'runId')
  const logicalDate = instantOrNull(args, 'logicalDate')
  try {
    const run = await triggerRun(
      { database, runCache, vault },
      {
        dagId,
        runId,
        logicalDate,
        runAfter: instantOrNull(args, 'runAfter'),
        conf: objectArg(args, 'conf'),
        note: textOrNull(args, 'note'),
        mustBeActive: args['failWhenDagIsPaused'] === true,
        fence,
      },
      actor,
    )
    return { runId: run.runId, exists: false }
  } catch (error) {
    if (!(error instanceof BaramError) || error.code !== 'CONFLICT') throw error
    // Made by the first try of this very call, whose reply was lost.
    if (args[IS_OURS] === true) return { runId, exists: false }
    // Taken by its id, or by its date under another id.
    const { details } = error
    const wanted = details.kind === 'dag_run' ? details.id.runId : (runId ?? '')
    const found =
      (await findRunState(database, dagId, { runId: wanted, logicalDate: null })) ??
      (await findRunState(database, dagId, { runId: null, logicalDate }))
    if (found === null || args['resetDagRun'] !== true) return { runId: found?.runId ?? wanted, exists: true }
    await resetRun(transactions, found.id, actor.name)
    return { runId: found.runId, exists: false }
  }
}

export async function callRunState(database: Database, args: JsonObject): Promise<JsonValue> {
  const found = await findRunState(database, textArg(args, 'dagId'), {
    runId: textOrNull(args, 'runId'),
    logicalDate: instantOrNull(args, 'logicalDate'),
  })
  return found === null
    ? null
    : { dagId: found.dagId, runId: found.runId, state: found.state, logicalDate: found.logicalDate }
}

export async function callTaskStates(database: Database, args: JsonObject): Promise<JsonValue> {
  const logicalDate = instantOrNull(args, 'logicalDate')
  if (logicalDate === null) throw new BaramError('INPUT_INVALID', 'logicalDate must be a valid Date')
  const { taskIds } = args
  const wanted = Array.isArray(taskIds) ? taskIds.map(String) : null
  const rows = await findTaskStates(database, textArg(args, 'dagId'), logicalDate, wanted)
  return rows === null ? null : Object.fromEntries(rows.map((row) => [row.taskId, row.states]))
}
