// Template fields of an operator, rendered in the task's process: Handlebars, strict on unknown names, no HTML escaping.

import Handlebars from 'handlebars'
import { BaramError, messageOf } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { AttemptSpec } from '../../core/protocol.ts'
import type { LocalDates } from '../../sdk/context.ts'
import { makeTemplateContext } from './context.ts'
import { isInstant } from './instant.ts'
import { type LookupSource, lookUp, namesIn } from './lookups.ts'
import { FILTERS, MACROS } from './macros.ts'

const engine = Handlebars.create()

for (const [name, macro] of Object.entries(MACROS)) engine.registerHelper(name, macro as Handlebars.HelperDelegate)
for (const [name, filter] of Object.entries(FILTERS)) engine.registerHelper(name, filter as Handlebars.HelperDelegate)

/** How a value is written where a template names it: texts as they are, dates as Python does, anything else as JSON. */
function write(value: unknown): string {
  if (typeof value === 'string') return value
  return isInstant(value) ? String(value) : JSON.stringify(value)
}

/** A name may stand for a function of the context: named without arguments it is called without. Strict: see `compile`. */
function settle(value: unknown, name: unknown): unknown {
  const settled = typeof value === 'function' ? (value as (options: object) => unknown)({ hash: {} }) : value
  if (settled === undefined) throw new Error(`"${String(name)}" is not defined`)
  return settled
}

const WRITE = 'baram_write'
engine.registerHelper(WRITE, (value: unknown, name: unknown) => write(settle(value, name)))

/**
 * Hands every value on its way into the text to `write`, by wrapping each expression of the parsed template: Handlebars
 * itself would write a list without brackets and an object as `[object Object]`.
 */
class Wrapper extends Handlebars.Visitor {
  override MustacheStatement(statement: hbs.AST.MustacheStatement): void {
    const { path, params, hash, loc } = statement
    const isPlain = params.length === 0 && (hash === undefined || hash.pairs.length === 0)
    const inner = isPlain ? path : ({ type: 'SubExpression', path, params, hash, loc } as hbs.AST.SubExpression)
    statement.params = [
      inner,
      { type: 'StringLiteral', value: nameOf(path), original: nameOf(path), loc } as hbs.AST.StringLiteral,
    ]
    statement.path = pathTo(WRITE, loc)
    statement.escaped = false
  }
}

const nameOf = (path: hbs.AST.PathExpression | hbs.AST.Literal): string =>
  'original' in path ? String(path.original) : ''

const pathTo = (name: string, loc: hbs.AST.SourceLocation): hbs.AST.PathExpression => ({
  type: 'PathExpression',
  data: false,
  depth: 0,
  parts: [name],
  original: name,
  loc,
})

type Compiled = (context: object) => unknown
const compiled = new Map<string, Compiled>()
const MAX_COMPILED = 1_000

/** Handlebars' own strictness ends at arguments, and every expression is one since it is wrapped: `settle` goes on with it. */
function compile(text: string, isNative: boolean): Compiled {
  const program = Handlebars.parse(text)
  const [sole] = program.body
  const isSole = isNative && program.body.length === 1 && sole?.type === 'MustacheStatement'
  new Wrapper().accept(program)
  if (!isSole) {
    const template = engine.compile(program, { strict: true, noEscape: true })
    return (context) => template(context)
  }
  return (context) => {
    let value: unknown
    const helpers = {
      [WRITE]: (given: unknown, name: unknown) => {
        value = settle(given, name)
      },
    }
    engine.compile(program, { strict: true, noEscape: true })(context, { helpers })
    return value
  }
}

/** Renders one text. `isNative`: a text that is one expression gives the value itself, not its text. */
export function renderText(text: string, context: object, isNative = false): unknown {
  if (!text.includes('{{')) return text
  const key = `${isNative}${text}`
  const known = compiled.get(key) ?? compile(text, isNative)
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(key, known)
  return known(context)
}

/** Texts at any depth of a value. */
function textsIn(value: unknown, found: string[] = []): string[] {
  if (typeof value === 'string') found.push(value)
  else if (Array.isArray(value)) for (const item of value as unknown[]) textsIn(item, found)
  else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) textsIn(item, found)
  return found
}

/** What stands before a dot was not there: the engine says so only by what it could not read of it. */
function why(error: unknown): string {
  const missing = error instanceof TypeError ? /\(reading '(.+)'\)/.exec(error.message)?.[1] : undefined
  return missing === undefined ? messageOf(error) : `the name before ".${missing}" is not defined`
}

function renderDeep(value: unknown, context: object, isNative: boolean, path: string): unknown {
  if (typeof value === 'string') {
    try {
      return renderText(value, context, isNative)
    } catch (error) {
      throw new BaramError(
        'TEMPLATE_INVALID',
        `the template of ${path} cannot be rendered: ${why(error)}; it reads ${JSON.stringify(value.slice(0, 200))}`,
      )
    }
  }
  if (Array.isArray(value)) return value.map((item: unknown, i) => renderDeep(item, context, isNative, `${path}[${i}]`))
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, renderDeep(item, context, isNative, `${path}.${key}`)]),
  )
}

export interface Templates {
  readonly fields: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
  readonly mapIndexTemplate: string | null
  readonly isNative: boolean
}

export interface Rendered {
  /** All options of the operator, its template fields rendered. */
  readonly options: Readonly<Record<string, unknown>>
  /** The rendered fields alone, as JSON. */
  readonly fields: JsonObject
  readonly mapIndexLabel: string | null
}

/** Renders what an attempt needs. @throws BaramError TEMPLATE_INVALID naming the field */
export async function renderTemplates(
  templates: Templates,
  spec: AttemptSpec,
  local: LocalDates,
  args: object,
  source: LookupSource,
): Promise<Rendered> {
  const fields = templates.fields.filter((name) => templates.options[name] !== undefined)
  const texts = fields.flatMap((name) => textsIn(templates.options[name]))
  if (templates.mapIndexTemplate !== null) texts.push(templates.mapIndexTemplate)
  let context: object
  try {
    context = makeTemplateContext(spec, local, args, await lookUp(namesIn(texts), source))
  } catch (error) {
    throw new BaramError('TEMPLATE_INVALID', `a template of this task cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
  const rendered = Object.fromEntries(
    fields.map((name) => [name, renderDeep(templates.options[name], context, templates.isNative, name)]),
  )
  const label = templates.mapIndexTemplate
  return {
    options: { ...templates.options, ...rendered },
    // Options are JSON but for functions, which no template field holds.
    fields: JSON.parse(JSON.stringify(rendered)) as JsonObject,
    mapIndexLabel: label === null ? null : String(renderDeep(label, context, false, 'mapIndexTemplate')),
  }
}
