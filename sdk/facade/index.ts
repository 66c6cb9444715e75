// The door for files that import `@apache-airflow/ts-sdk`: Airflow's names and nothing else.

export type { JsonValue } from '../../core/json.ts'
export { type ArgNameMap, withArgNames } from '../arg-names.ts'
export {
  Asset,
  type AssetNameRef,
  type AssetRef,
  type AssetRefSpec,
  type AssetSpec,
  type AssetUriRef,
} from '../assets.ts'
export { Bundle, type Registerable, TaskHandler } from '../bundle.ts'
export {
  type ConnectionResult,
  type GetXComOpts,
  getClient,
  getContext,
  type SetXComOpts,
  type TaskClient,
  type TaskContext,
} from '../context.ts'
export { FacadeDag as Dag } from '../dag.ts'
export type { Branch, Condition, ConditionElse } from '../decide.ts'
export { label } from '../labels.ts'
export { ConnectionNotFoundError, VariableNotFoundError } from '../signals.ts'
export {
  type AssetStateStore,
  type AssetStateStores,
  NEVER_EXPIRE,
  type TaskStateSetOpts,
  type TaskStateStore,
} from '../state-stores.ts'
export { type DagRunState, type TriggerDagRunSpec, type TriggerDagRunTask, triggerDagRun } from '../trigger-dag-run.ts'
export type {
  DagSpec,
  DeciderArgs,
  Node,
  TaskFactory,
  TaskFunction,
  TaskGroupOptions,
  TaskGroupRef,
  TaskInput,
  TaskInputs,
  TaskRef,
  TaskSpec,
  TaskSpec as TaskOptions,
} from '../types.ts'

/** The wire date of the SDK whose files run here; inert. */
export const SUPERVISOR_API_VERSION: string = '2026-10-30'
