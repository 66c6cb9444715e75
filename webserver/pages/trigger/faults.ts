// Why a run cannot be triggered, at the fields it is about.

import { BaramError } from '../../../core/errors.ts'
import type { TriggerFault } from './draft.ts'
import { type ParamFault, readFaults } from './param-fields.ts'

export interface Faults {
  readonly fields: readonly TriggerFault[]
  readonly params: readonly ParamFault[]
}
export const NO_FAULTS: Faults = { fields: [], params: [] }

/** A sentence for each param that was refused. */
function linesOf({ details, message }: BaramError): string[] {
  const faults = details['faults']
  if (Array.isArray(faults)) return faults.filter((line): line is string => typeof line === 'string')
  return message.split('\n').filter((line) => line.trim() !== '')
}

/** The engine's refusal, at the field it is about. */
export function faultsOf(error: unknown): Faults {
  if (!(error instanceof BaramError) || error.code === 'DATABASE_UNAVAILABLE') throw error
  if (error.code === 'PARAMS_INVALID') return { fields: [], params: readFaults(linesOf(error)) }
  const field = /run id/.test(error.message) ? 'run_id' : 'conf'
  return { fields: [{ field, text: error.message }], params: [] }
}
