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

const isField = (field: unknown): field is TriggerFault['field'] =>
  field === 'run_id' || field === 'note' || field === 'logical_date' || field === 'interval'

/** The engine's refusal, at the field it is about. */
export function faultsOf(error: unknown): Faults {
  if (!(error instanceof BaramError) || error.code === 'DATABASE_UNAVAILABLE') throw error
  if (error.code === 'PARAMS_INVALID') return { fields: [], params: readFaults(linesOf(error)) }
  const { field } = error.details
  return { fields: [{ field: isField(field) ? field : 'conf', text: error.message }], params: [] }
}
