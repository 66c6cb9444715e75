// What commands ask of a deployment, an interface a subject. `local/` answers from this machine's database by the engine's
// verbs, `remote/` from a server's REST API; a command knows neither.

import type { DueRun } from '../../core/timetables/timetable.ts'
import type { OnExisting } from '../../engine/admin/setting.ts'
import type { VariableSetting } from '../../engine/admin/variables.ts'
import type { Connection, ConnectionSetting, Variable } from '../../engine/admin/vault.ts'
import type { ClearRequest } from '../../engine/control/clear.ts'
import type { MarkRequest } from '../../engine/control/mark.ts'
import type { DagPlan } from '../../engine/dags/preview-schedule.ts'
import type { BackfillDate, BackfillRequest } from '../../engine/runs/backfill.ts'
import type { TriggerRequest } from '../../engine/runs/create.ts'
import type { WhyAnswer } from '../../engine/why/why.ts'
import type { BackfillRow } from '../../store/postgres/backfills.ts'
import type { PoolSetting } from '../../store/postgres/pools.ts'
import type { ImportErrorListRow, PoolRow } from '../../store/postgres/read-admin.ts'
import type { DagListRow, SourceRow, VersionUse } from '../../store/postgres/read-dags.ts'
import type { RunListRow } from '../../store/postgres/read-runs.ts'
import type { InstanceListRow } from '../../store/postgres/read-task-instances.ts'
import type { TouchedInstance } from '../../store/postgres/run-control.ts'

export type DagView = Pick<
  DagListRow,
  | 'dagId'
  | 'relativeFileloc'
  | 'owners'
  | 'isPaused'
  | 'isStale'
  | 'timetableSummary'
  | 'timezone'
  | 'nextDagrunCreateAfter'
>

export interface TaskView {
  readonly taskId: string
  readonly operator: string
  readonly triggerRule: string
  readonly retries: number
  readonly pool: string
  readonly downstream: readonly string[]
}

/** The newest version of a DAG. */
export interface DagShape {
  readonly version: number
  /** In the order in which they can run. */
  readonly tasks: readonly TaskView[]
}

export type ImportErrorView = Pick<ImportErrorListRow, 'filename' | 'bundleName' | 'stacktrace'>
export type PlanView = Pick<DagPlan, 'isPaused' | 'timezone' | 'due' | 'upcoming' | 'sentence'>

export interface Dags {
  /** Those that files declare now, by id. */
  list(): Promise<readonly DagView[]>
  /** Ids alone: what a completion may take the time for. */
  ids(): Promise<readonly string[]>
  find(dagId: string): Promise<DagView | null>
  /** Null = the DAG has no version yet. */
  shape(dagId: string): Promise<DagShape | null>
  pause(dagId: string, isPaused: boolean): Promise<void>
  /** @param most how many due runs, and how many upcoming ones */
  plan(dagId: string, most: number): Promise<PlanView>
  versions(dagId: string): Promise<readonly VersionUse[]>
  /** Null version = the newest. */
  source(dagId: string, version: number | null): Promise<Pick<SourceRow, 'sourceCode'> | null>
  importErrors(): Promise<readonly ImportErrorView[]>
  countImportErrors(): Promise<number>
  /** @returns how many runs went with it */
  remove(dagId: string): Promise<number>
}

export type RunView = Pick<
  RunListRow,
  | 'dagId'
  | 'runId'
  | 'state'
  | 'runType'
  | 'runAfter'
  | 'logicalDate'
  | 'dataIntervalStart'
  | 'dataIntervalEnd'
  | 'startDate'
  | 'endDate'
  | 'conf'
  | 'note'
  | 'timezone'
>

export interface RunsWanted {
  readonly state: string | undefined
  /** Logical dates, epoch ms, both inclusive. */
  readonly from: number | undefined
  readonly to: number | undefined
  readonly limit: number
}

export interface Runs {
  /** The last one made first. */
  list(dagId: string, wanted: RunsWanted): Promise<readonly RunView[]>
  find(dagId: string, runId: string): Promise<RunView | null>
  /** The one with the newest date. */
  latest(dagId: string): Promise<RunView | null>
  count(dagId: string): Promise<number>
  /** @returns the run as it was made */
  trigger(request: TriggerRequest): Promise<{ readonly runId: string; readonly isPaused: boolean }>
  /** The run as it would be made, with every check; nothing stays. */
  tryTrigger(request: TriggerRequest): Promise<RunView>
  note(dagId: string, runId: string, note: string | null): Promise<void>
  remove(dagId: string, runId: string): Promise<void>
  /** What setting a run to an end would touch. */
  previewMark(dagId: string, runId: string): Promise<readonly Touched[]>
  mark(dagId: string, runId: string, to: 'success' | 'failed' | 'queued'): Promise<void>
}

export type InstanceView = Pick<
  InstanceListRow,
  'dagId' | 'runId' | 'taskId' | 'mapIndex' | 'state' | 'tryNumber' | 'startDate' | 'endDate' | 'timezone'
>

export type Touched = Pick<TouchedInstance, 'runId' | 'logicalDate' | 'taskId' | 'mapIndex' | 'state'>

export interface InstancePlace {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
}

export interface TryPlace extends InstancePlace {
  readonly tryNumber: number
}

/** A log that is being read: each call gives what was written since the last one. */
export interface LogReader {
  /** Lines of JSON as they are stored; ends where the log ends now. */
  more(): AsyncIterable<string>
  /** Resolves when there may be more, half a second later at the latest. */
  changed(): Promise<void>
}

export interface Instances {
  /** By task id and map index. */
  list(run: RunView, most: number): Promise<{ readonly rows: readonly InstanceView[]; readonly total: number }>
  find(place: InstancePlace): Promise<InstanceView | null>
  /** @throws BaramError NOT_FOUND when there is no log, unless it may still come */
  log(place: TryPlace, mayCome: boolean): Promise<LogReader>
  previewClear(request: ClearRequest): Promise<readonly Touched[]>
  clear(request: ClearRequest): Promise<readonly Touched[]>
  /** `cleared`: what failed downstream of it; null = not known from here. */
  previewMark(
    request: MarkRequest,
  ): Promise<{ readonly set: readonly Touched[]; readonly cleared: readonly Touched[] | null }>
  /** @returns how many were set; null = not known from here */
  mark(request: MarkRequest): Promise<number | null>
}

/** Counts of its runs: null = not known from here. */
type Counted = { readonly [K in 'runs' | 'queued' | 'running' | 'success' | 'failed']: number | null }
export type BackfillView = Counted &
  Pick<
    BackfillRow,
    'id' | 'dagId' | 'fromDate' | 'toDate' | 'isPaused' | 'completedAt' | 'maxActiveRuns' | 'reprocessBehavior'
  >

export type BackfillDateView = Pick<BackfillDate, 'exception'> & {
  readonly run: Pick<DueRun, 'logicalDate'>
  readonly existing: Pick<NonNullable<BackfillDate['existing']>, 'runId' | 'state'> | null
}

export interface Backfills {
  preview(request: BackfillRequest): Promise<readonly BackfillDateView[]>
  /** @returns its id */
  create(request: BackfillRequest): Promise<number>
  find(id: number): Promise<BackfillView | null>
  list(dagId: string): Promise<readonly BackfillView[]>
  pause(id: number, isPaused: boolean): Promise<void>
  cancel(id: number): Promise<void>
}

export type VariableView = Pick<Variable, 'key' | 'value' | 'description' | 'isSensitive'>

export interface Variables {
  list(): Promise<readonly VariableView[]>
  /** @throws BaramError REFUSED when it is a secret that does not leave the server */
  value(key: string): Promise<string | null>
  /** @returns false when it existed and `existing` is `skip` */
  set(setting: Omit<VariableSetting, 'fence'>): Promise<boolean>
  remove(key: string): Promise<void>
  /** The environment of this deployment wins over what is stored. */
  isOverridden(key: string): boolean
}

/** Without its secrets. */
export type ConnectionView = Omit<Connection, 'password' | 'updatedAt'> & { readonly hasPassword: boolean }

export interface Connections {
  list(): Promise<readonly ConnectionView[]>
  find(connId: string): Promise<ConnectionView | null>
  /** @returns false when it existed and `existing` is `skip` */
  set(setting: ConnectionSetting & { readonly existing: OnExisting }): Promise<boolean>
  remove(connId: string): Promise<void>
}

export type PoolView = Omit<PoolRow, 'id' | 'deferred'>

export interface Pools {
  list(): Promise<readonly PoolView[]>
  find(name: string): Promise<PoolView | null>
  set(setting: PoolSetting): Promise<void>
  remove(name: string): Promise<void>
}

export interface WhyAsked {
  readonly dagId: string
  /** A run id, `latest`, or the time of a run that is missing. */
  readonly run: string | undefined
  readonly taskId: string | undefined
  readonly mapIndex: number | undefined
}

export interface Deployment {
  readonly dags: Dags
  readonly runs: Runs
  readonly instances: Instances
  readonly backfills: Backfills
  readonly variables: Variables
  readonly connections: Connections
  readonly pools: Pools
  why(asked: WhyAsked): Promise<WhyAnswer>
}
