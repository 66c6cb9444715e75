// A made-up world for an operator: variables, connections and a log in memory. Knows nothing of vitest, so that a process of its
// own can have one too.

import { type Effect, readEffect } from '../../core/effects.ts'
import { checkJson, type JsonObject } from '../../core/json.ts'
import { checkResultTableName, type ResultTable, readResultTable } from '../../core/result-table.ts'
import type { ConnectionResult, OperatorContext, RunApi, RunInfo, TaskLogger } from '../../sdk/context.ts'
import { deferTo } from '../../sdk/context.ts'
import { makeTelling } from '../../sdk/effects.ts'
import { ConnectionNotFoundError, TaskRescheduled, VariableNotFoundError } from '../../sdk/signals.ts'
import { MISSING_STORES } from '../../sdk/state-stores.ts'

export interface LogLine {
  readonly level: string
  readonly fields: object
  readonly message: string
}

export interface MadeUpContext extends OperatorContext {
  readonly lines: LogLine[]
  /** Ids the operator has skipped. */
  readonly skipped: string[]
  readonly variables: Map<string, string>
  readonly connections: Map<string, ConnectionResult>
  /** What the operator told of its work, in order. */
  readonly effects: Effect[]
  readonly reports: Map<string, ResultTable>
}

/** A deployment without other DAGs. */
const NO_RUNS: RunApi = {
  trigger: ({ dagId }) => Promise.reject(new Error(`there is no DAG ${dagId}`)),
  state: () => Promise.resolve(null),
  taskStates: () => Promise.resolve(null),
  previousSuccess: () => Promise.resolve(null),
}

function recordingLogger(lines: LogLine[]): TaskLogger {
  const at =
    (level: string) =>
    (first: object | string, message?: string): void => {
      lines.push(
        typeof first === 'string'
          ? { level, fields: {}, message: first }
          : { level, fields: first, message: message ?? '' },
      )
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function kst(at: Date): string {
  return new Date(at.getTime() + 9 * 3_600_000).toISOString().slice(0, 19)
}

/** A run of a slot, with local dates of Asia/Seoul. */
export function runOf(start: Date, end: Date): RunInfo {
  const local = kst(start)
  return {
    runId: `scheduled__${start.toISOString().replace('.000Z', '+00:00')}`,
    runType: 'scheduled',
    logicalDate: start,
    dataInterval: { start, end },
    runAfter: end,
    timezone: 'Asia/Seoul',
    local: {
      ds: local.slice(0, 10),
      dsNodash: local.slice(0, 10).replaceAll('-', ''),
      ts: `${local}+09:00`,
      tsNodash: local.replaceAll(/[-:]/g, ''),
    },
    conf: {},
    params: {},
    fence: 'made-up/1/1',
  }
}

export interface MadeUp {
  readonly embeddedRoot: string
  readonly run?: RunInfo
  readonly taskId?: string
  readonly tryNumber?: number
  readonly triedAt?: Date
  /** Default: `triedAt`. */
  readonly firstTriedAt?: Date
  readonly rescheduleCount?: number
  readonly downstream?: readonly string[]
  readonly runs?: RunApi
  readonly signal?: AbortSignal
  readonly variables?: Map<string, string>
  readonly connections?: readonly ConnectionResult[]
}

export function madeUpContext(given: MadeUp): MadeUpContext {
  const run = given.run ?? runOf(new Date('2024-03-18T00:00:00Z'), new Date('2024-03-18T00:02:00Z'))
  const lines: LogLine[] = []
  const log = recordingLogger(lines)
  const skipped: string[] = []
  const effects: Effect[] = []
  const reports = new Map<string, ResultTable>()
  const variables = given.variables ?? new Map<string, string>()
  const connections = new Map((given.connections ?? []).map((connection) => [connection.id, connection]))
  return {
    dagId: 'min_candle',
    taskId: given.taskId ?? 'task',
    runId: run.runId,
    tryNumber: given.tryNumber ?? 1,
    mapIndex: -1,
    signal: given.signal ?? new AbortController().signal,
    run,
    embeddedRoot: given.embeddedRoot,
    triedAt: given.triedAt ?? run.runAfter,
    firstTriedAt: given.firstTriedAt ?? given.triedAt ?? run.runAfter,
    rescheduleCount: given.rescheduleCount ?? 0,
    skipped,
    downstream: () => given.downstream ?? [],
    isLatest: () => true,
    skip: (taskIds) => void skipped.push(...taskIds),
    reschedule: (seconds) => {
      throw new TaskRescheduled(seconds)
    },
    defer: deferTo,
    runs: given.runs ?? NO_RUNS,
    lines,
    variables,
    connections,
    log,
    effects,
    reports,
    ...makeTelling(
      {
        sendEffect: async (effect) => void effects.push(readEffect({ ...effect })),
        sendReport: async (name, report) =>
          void reports.set(checkResultTableName(name), readResultTable(checkJson(report) as JsonObject)),
      },
      log,
    ),
    client: {
      getVariable: (key) => Promise.resolve(variables.get(key) ?? null),
      getVariableOrThrow: (key) => {
        const value = variables.get(key)
        return value === undefined ? Promise.reject(new VariableNotFoundError(key)) : Promise.resolve(value)
      },
      setVariable: (key, value) => Promise.resolve(void variables.set(key, value)),
      deleteVariable: (key) => Promise.resolve(void variables.delete(key)),
      getConnection: (id) => Promise.resolve(connections.get(id) ?? null),
      getConnectionOrThrow: (id) => {
        const connection = connections.get(id)
        return connection === undefined ? Promise.reject(new ConnectionNotFoundError(id)) : Promise.resolve(connection)
      },
      getXCom: () => Promise.resolve(null),
      setXCom: () => Promise.resolve(),
      ...MISSING_STORES,
    },
  }
}
