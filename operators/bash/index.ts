// `baram/operators/bash`: shell commands as tasks.

export { BashFailedError, type BashOptions, bash } from './bash.ts'
