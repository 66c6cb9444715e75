// The door for files that import `@apache-airflow/ts-sdk`: Airflow's names and nothing else.

export type { JsonValue } from '../../core/json.ts'
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
export { ConnectionNotFoundError, VariableNotFoundError } from '../signals.ts'
export type {
  DagSpec,
  Node,
  TaskFactory,
  TaskFunction,
  TaskGroupOptions,
  TaskGroupRef,
  TaskInputs,
  TaskRef,
  TaskSpec,
  TaskSpec as TaskOptions,
} from '../types.ts'

/** The wire date of the SDK whose files run here; inert. */
export const SUPERVISOR_API_VERSION = '2026-10-30'
