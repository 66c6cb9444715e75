// Starts the compiler's thread and waits for its answer.

import { Worker } from 'node:worker_threads'
import { messageOf } from '../../core/errors.ts'
import type { TypesAnswer, TypesRequest } from './types-program.ts'

/** Checks types in a thread of its own. @throws Error when there is no compiler, or it failed */
export function checkTypes(request: TypesRequest): Promise<TypesAnswer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./types-program.js', import.meta.url), { workerData: request })
    worker.once('message', resolve)
    worker.once('error', (error) =>
      reject(new Error(`types could not be checked: ${messageOf(error)}`, { cause: error })),
    )
    worker.once('exit', (code) => reject(new Error(`types could not be checked: the compiler ended with ${code}`)))
  })
}
