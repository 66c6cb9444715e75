// The package `baram`: the façade's values and types, and what we add to them.

export type { Effect, EffectKind } from '../core/effects.ts'
export { BaramError } from '../core/errors.ts'
export { parseExactJson } from '../core/exact-json.ts'
export type { JsonObject, JsonValue } from '../core/json.ts'
export type { ResultChart, ResultColumn, ResultTable } from '../core/result-table.ts'
export { type ArgNameMap, withArgNames } from './arg-names.ts'
export { type BranchChoice, branch, empty, latestOnly, type ShortCircuitOptions, shortCircuit } from './branch.ts'
export { Bundle, type Registerable, TaskHandler } from './bundle.ts'
export * from './context.ts'
export { Dag } from './dag.ts'
export type { Branch, BranchTarget, Condition, ConditionElse } from './decide.ts'
export { CountMismatchError, type MismatchPolicy } from './effects.ts'
export { type LabelledNode, label } from './labels.ts'
export { expand, expandEach, type MapList, type Zipped, zip } from './mapping.ts'
export {
  type Alert,
  type Callback,
  type CallbackFunction,
  type DeadlineAlert,
  type DeadlineOptions,
  deadlineAlert,
  defineNotifier,
  type Notifier,
  type NotifierContext,
} from './notifier.ts'
export { defineOperator, type Operator, type OperatorSpec } from './operator.ts'
export {
  type DagParams,
  defineParams,
  getParams,
  type JsonSchema,
  type Param,
  type ParamValues,
  param,
} from './params.ts'
export {
  type CronOptions,
  cron,
  type EveryOptions,
  events,
  every,
  type Schedule,
  type TimetableOptions,
  timetable,
} from './schedule.ts'
export { type PokeResult, type SensorSpec, sensor } from './sensor.ts'
export {
  ConnectionNotFoundError,
  FailTask,
  RetryTask,
  SkipTask,
  TaskTimedOut,
  VariableNotFoundError,
} from './signals.ts'
export {
  type AssetStateStore,
  type AssetStateStores,
  NEVER_EXPIRE,
  type StateStores,
  type TaskStateSetOpts,
  type TaskStateStore,
} from './state-stores.ts'
export { type MacroArgument, type TemplateNames, type TemplatePath, type TemplateRef, t, tpl } from './templates.ts'
export {
  defineTrigger,
  type PendingTrigger,
  type TriggerContext,
  type TriggerFactory,
  type TriggerSpec,
} from './trigger.ts'
export { type DagRunState, type TriggerDagRunSpec, type TriggerDagRunTask, triggerDagRun } from './trigger-dag-run.ts'
export type {
  BaramDagSpec as DagSpec,
  BaramGroupOptions as TaskGroupOptions,
  BaramTaskSpec as TaskSpec,
  CheckedDeciderArgs as DeciderArgs,
  CheckedFactory as TaskFactory,
  CheckedGroupRef as TaskGroupRef,
  CheckedInputs as TaskInputs,
  Endpoint,
  Expandable,
  Node,
  RetryDecision,
  RetryPolicy,
  TaskFunction,
  TaskInput,
  TaskRef,
  TypeProblem,
} from './types.ts'
