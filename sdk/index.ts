// The package `baram`: the façade's values and types, and what we add to them.

export * from './context.ts'
export { defineOperator, type Operator, type OperatorSpec } from './operator.ts'
export * from './signals.ts'
