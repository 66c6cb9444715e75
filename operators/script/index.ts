// `baram/operators/script`: programs in Python and Node.js as tasks.

export { node } from './node.ts'
export { python } from './python.ts'
export { ScriptResultError } from './result.ts'
export { ScriptFailedError, type ScriptOptions } from './script.ts'
