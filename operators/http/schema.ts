// An answer's JSON against its JSON Schema, by a validator that interprets the schema: no code is made from what
// authors write.

import { type Schema, Validator } from '@cfworker/json-schema'
import type { JsonSchema } from '../../sdk/index.ts'
import type { HttpAnswer } from './answer.ts'
import { HttpAnswerError } from './errors.ts'

/** Faults told of one answer; a list of a million wrong rows has as many. */
const MOST_FAULTS = 3

/** @throws HttpAnswerError telling where the answer does not fit */
export function checkSchema(answer: HttpAnswer, schema: JsonSchema): void {
  // A schema is what its author wrote; what the validator cannot read it throws.
  const { valid, errors } = new Validator(schema as Schema, '2020-12').validate(answer.json())
  if (valid) return
  // The innermost faults come last and say what is wrong; those before only say that something inside is.
  const faults = errors.slice(-MOST_FAULTS).map(({ instanceLocation, error }) => `${instanceLocation} ${error}`)
  throw new HttpAnswerError(`${answer.method} ${answer.url}: the answer does not fit its schema: ${faults.join(' ')}`)
}
