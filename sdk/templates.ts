// Templates as authors write them: `tpl` makes the text that Handlebars renders before each attempt, in the options an
// operator lists as templates.

const TEXT = Symbol.for('baram.template')
const SIMPLE = /^[A-Za-z_$][\w$]*$/

/** A value that is known only at run time. */
export interface TemplateRef {
  readonly [TEXT]: string
}
/** A value with values inside it. */
export type TemplatePath = TemplateRef & { readonly [name: string]: TemplatePath }
/** What a macro can be given. `undefined` is there for compilers that doubt `t.params['x']`; it is refused. */
export type MacroArgument = TemplateRef | string | number | boolean | undefined

/** Names of a run, as Airflow's templates have them. */
export interface TemplateNames {
  /** `2024-03-18`, UTC. */
  readonly ds: TemplateRef
  readonly ds_nodash: TemplateRef
  /** `2024-03-18T00:00:00+00:00` */
  readonly ts: TemplateRef
  /** `20240318T000000` */
  readonly ts_nodash: TemplateRef
  readonly ts_nodash_with_tz: TemplateRef
  readonly logical_date: TemplateRef
  readonly data_interval_start: TemplateRef
  readonly data_interval_end: TemplateRef
  readonly run_id: TemplateRef
  readonly dag: TemplatePath
  readonly task: TemplatePath
  readonly dag_run: TemplatePath
  readonly task_instance: TemplatePath
  readonly ti: TemplatePath
  /** Dates in the DAG's zone. */
  readonly local: {
    readonly ds: TemplateRef
    readonly dsNodash: TemplateRef
    readonly ts: TemplateRef
    readonly tsNodash: TemplateRef
  }
  readonly params: TemplatePath
  /** `t.var.value.name`, `t.var.json.name.key` */
  readonly var: { readonly value: TemplatePath; readonly json: TemplatePath }
  /** `t.conn.my_id.host` */
  readonly conn: TemplatePath
  /** The task's arguments. */
  readonly args: TemplatePath
  /** `t.macros.ds_add(t.ds, 7)` */
  readonly macros: { readonly [name: string]: (...args: readonly MacroArgument[]) => TemplateRef }
}

function segment(name: string): string {
  if (SIMPLE.test(name)) return name
  if (name.includes(']')) throw new Error(`tpl: the name ${JSON.stringify(name)} cannot stand in a template`)
  return `[${name}]`
}

const isRef = (value: unknown): value is TemplateRef =>
  (typeof value === 'object' || typeof value === 'function') && value !== null && TEXT in value

/** A macro's argument; a macro inside a macro stands in brackets. */
function argument(value: unknown): string {
  if (isRef(value)) return value[TEXT].includes(' ') ? `(${value[TEXT]})` : value[TEXT]
  if (typeof value === 'string') {
    if (value.includes('"') && value.includes("'"))
      throw new Error(`tpl: a macro's text cannot have both kinds of quotes, found ${JSON.stringify(value)}`)
    return value.includes('"') ? `'${value}'` : `"${value}"`
  }
  if (value === undefined) throw new Error('tpl: a macro was given undefined')
  return String(value)
}

function refOf(text: string, child: (name: string) => unknown): TemplateRef {
  const target = Object.create(null) as object
  return new Proxy(target, {
    has: (_target, key) => key === TEXT,
    get(_target, key) {
      if (key === TEXT) return text
      if (key === 'toString' || key === Symbol.toPrimitive) return () => `{{${text}}}`
      // Nothing else that JavaScript itself asks for is a name of ours.
      return typeof key === 'symbol' || key === 'then' || key === 'toJSON' ? undefined : child(key)
    },
  }) as TemplateRef
}

const pathOf = (text: string): TemplateRef => refOf(text, (name) => pathOf(`${text}.${segment(name)}`))
const macros = refOf('macros', (name) => (...args: readonly unknown[]) => {
  const text = [segment(name), ...args.map(argument)].join(' ')
  return refOf(text, (inside) => {
    throw new Error(`tpl: a macro's result has no ${inside}`)
  })
})

/** Names for `tpl`: `` tpl`/x/dt=${t.local.ds}` ``. */
// The proxy answers for every name of the type.
export const t = refOf('', (name) => (name === 'macros' ? macros : pathOf(segment(name)))) as unknown as TemplateNames

/**
 * A template: `` tpl`/candle/dt=${t.local.ds}/${t.args.name}.parquet` `` is the text `/candle/dt={{local.ds}}/{{args.name}}.parquet`.
 * It is rendered where an operator takes templates; elsewhere it is sent as it stands.
 * @throws Error for a value that is undefined
 */
export function tpl(
  strings: TemplateStringsArray,
  ...values: readonly (TemplateRef | string | number | undefined)[]
): string {
  return strings.reduce((text, part, i) => {
    const value = values[i - 1]
    if (value === undefined) throw new Error(`tpl: the value behind ${JSON.stringify(text)} is undefined`)
    return `${text}${isRef(value) ? `{{${value[TEXT]}}}` : String(value)}${part}`
  })
}
