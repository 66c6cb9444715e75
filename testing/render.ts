// Template fields of a task as a try would have them, without running it.

import { bindArguments } from '../child/arguments.ts'
import { makeClient } from '../child/client.ts'
import { renderTemplates } from '../child/templates/render.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { localTexts } from '../core/timetables/zone.ts'
import type { FacadeDag } from '../sdk/dag.ts'
import { findBody } from '../sdk/serialize.ts'
import { askingOf, portOf, specOf } from './attempt.ts'
import { Drive } from './driver.ts'
import { alone, prepare, type RunOptions, requireTask } from './prepare.ts'

/** What is taken from a past run instead of generated. */
export interface RenderOptions extends RunOptions {
  /** Arguments by name. Default: those that the DAG gives as literals. */
  readonly inputs?: { readonly [name: string]: JsonValue }
  /** Default: that of a manual run at the logical date. */
  readonly runId?: string
  /** What upstream tasks have pushed. Default: nothing. */
  readonly xcoms?: readonly {
    readonly taskId: string
    readonly mapIndex: number
    readonly key: string
    readonly value: JsonValue
  }[]
}

/**
 * The rendered fields; empty when the operator has none. Arguments that come from other tasks and are not given stand as
 * `‹rows of extract›`.
 * @throws BaramError TEMPLATE_INVALID naming the field; NOT_FOUND
 */
export async function renderTask(dag: FacadeDag, taskId: string, options: RenderOptions): Promise<JsonObject> {
  const { drive, world } = prepare(dag, options, (whole) => {
    const task = requireTask(whole, taskId)
    const open = [...task.inputs, ...(task.mapping?.over ?? [])].filter((input) => input.kind === 'ref')
    const stand = open.map((input): [string, JsonValue] => [
      input.name,
      `‹${input.name} of ${input.kind === 'ref' ? input.taskId : ''}›`,
    ])
    return alone(whole, taskId, { ...Object.fromEntries<JsonValue>(stand), ...options.inputs })
  })
  for (const xcom of options.xcoms ?? []) world.putXCom(xcom.taskId, xcom.mapIndex, xcom.key, xcom.value)
  const run = { ...drive.run, runId: options.runId ?? drive.run.runId }
  const { deps, model } = new Drive({ ...drive, run, onLog: () => undefined })
  const ti = model.byTask[0]?.[0]
  const body = findBody(dag, taskId)
  if (ti === undefined || body === null || body.operator === null) return {}
  ti.tryNumber = 1
  const spec = specOf(deps, ti, { triedAt: drive.at, firstTriedAt: drive.at, rescheduleCount: 0, resume: null })
  const { templateFields = [], options: own = {} } = body.operator
  const templates = {
    fields: templateFields,
    options: own,
    mapIndexTemplate: null,
    isNative: drive.serialized.renderTemplateAsNativeObj,
  }
  const start = spec.dataInterval?.start ?? spec.logicalDate ?? spec.runAfter
  const args = bindArguments(spec.inputs, () => undefined)
  const source = {
    client: makeClient(portOf(deps, askingOf(deps, ti), ti), 1),
    previousSuccess: () => Promise.resolve(null),
  }
  return (await renderTemplates(templates, spec, localTexts(start, spec.timezone), args, source)).fields
}
