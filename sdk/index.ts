// The package `baram`: the façade's values and types, and what we add to them.

export { BaramError } from '../core/errors.ts'
export type { JsonObject, JsonValue } from '../core/json.ts'
export { Bundle, type Registerable, TaskHandler } from './bundle.ts'
export * from './context.ts'
export { Dag } from './dag.ts'
export { defineOperator, type Operator, type OperatorSpec } from './operator.ts'
export { type CronOptions, cron, type EveryOptions, every, type Schedule } from './schedule.ts'
export {
  ConnectionNotFoundError,
  FailTask,
  RetryTask,
  SkipTask,
  TaskTimedOut,
  VariableNotFoundError,
} from './signals.ts'
export {
  defineTrigger,
  type PendingTrigger,
  type TriggerContext,
  type TriggerFactory,
  type TriggerSpec,
} from './trigger.ts'
export type {
  BaramDagSpec as DagSpec,
  BaramTaskSpec as TaskSpec,
  CheckedFactory as TaskFactory,
  CheckedGroupRef as TaskGroupRef,
  CheckedInputs as TaskInputs,
  Node,
  TaskFunction,
  TaskGroupOptions,
  TaskRef,
  TypeProblem,
} from './types.ts'
