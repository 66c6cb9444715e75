// `Dag` behind both doors: Airflow's strict one, and ours, which extends it by wider options and checked types.

import type { CheckedIf, CheckedSwitch, Decider, IfMethod, SwitchMethod } from './decide.ts'
import { makeIf, makeSwitch, plainRefs } from './decide.ts'
import type { DrawnEdge } from './groups.ts'
import { openLabel } from './labels.ts'
import { brandFactory } from './mapping.ts'
import {
  type AnyNode,
  brandRef,
  checkId,
  type GroupNode,
  type Inputs,
  insideOf,
  type Mapping,
  nodeOf,
  pickId,
  readBody,
  readDeciderCall,
  readInputs,
  readTaskCall,
  type TaskNode,
} from './nodes.ts'
import { captureSite, type Site } from './site.ts'
import { BARAM, checkTypes, FACADE, type Rules, readSpec } from './spec.ts'
import type {
  BaramDagSpec,
  BaramGroupOptions,
  CheckedGroupRef,
  CheckedTaskMethod,
  DagSpec,
  TaskGroupOptions,
  TaskGroupRef,
  TaskMethod,
  TaskRef,
} from './types.ts'

/** Everything that was declared, as the reader (serialize.ts) takes it. */
export interface Declaration {
  readonly dagId: string
  readonly spec: Readonly<Record<string, unknown>>
  readonly rules: Rules
  readonly nodes: ReadonlyMap<string, AnyNode>
  readonly edges: readonly DrawnEdge[]
  readonly site: Site
  seal(): void
}

const DECLARATION = Symbol.for('baram.declaration')
/** Ids that Airflow draws at the doors of a group. */
const JOIN = /^(.+)\.(?:upstream|downstream)_join_id$/

export function declarationOf(dag: object): Declaration {
  // Only Dag's constructor sets this symbol.
  return (dag as { [DECLARATION]: Declaration })[DECLARATION]
}

const dags = new WeakMap<object, FacadeDag>()

/** The DAG that a task or group belongs to. */
export function dagOf(owner: object): FacadeDag | null {
  return dags.get(owner) ?? null
}

export function isDag(value: unknown): value is FacadeDag {
  return typeof value === 'object' && value !== null && DECLARATION in value
}

class Builder implements Declaration {
  readonly dagId: string
  readonly spec: Readonly<Record<string, unknown>>
  readonly rules: Rules
  readonly nodes = new Map<string, AnyNode>()
  readonly edges: DrawnEdge[] = []
  readonly site = captureSite()
  private isSealed = false

  constructor(dagId: unknown, spec: unknown, rules: Rules) {
    if (typeof dagId !== 'string' || dagId === '')
      throw new Error('new Dag(dagId, options): the id must be text that is not empty')
    this.dagId = dagId
    this.rules = rules
    this.spec = readSpec(spec === undefined ? {} : spec, rules.dag, `Dag "${dagId}"`)
  }

  seal(): void {
    this.isSealed = true
  }

  private refuseSealed(what: string): void {
    if (this.isSealed)
      throw new Error(`Dag "${this.dagId}" was read already: ${what} must be declared while the module is loading`)
  }

  private enter(id: string, node: AnyNode, group: GroupNode | null): void {
    const kind = this.nodes.get(id)?.kind
    if (kind !== undefined)
      throw new Error(
        `Dag "${this.dagId}": ${kind} "${id}" is already registered; ids of tasks and groups are unique in a DAG`,
      )
    const joined = JOIN.exec(id)?.[1]
    if (joined !== undefined && this.nodes.get(joined)?.kind === 'group')
      throw new Error(`Dag "${this.dagId}": the id "${id}" belongs to group "${joined}" itself; choose another`)
    this.nodes.set(id, node)
    group?.members.push(node)
  }

  private path(id: string, group: GroupNode | null): string {
    return group?.hasPrefix === true ? `${group.groupId}.${id}` : id
  }

  task(group: GroupNode | null, args: readonly unknown[]): (...inputs: unknown[]) => TaskRef {
    const where = `Dag "${this.dagId}"`
    this.refuseSealed('a task')
    const call = readTaskCall(args, where)
    const body = readBody(call.body, where)
    const spec = readSpec(call.spec, this.rules.task, where)
    const taskId = this.path(pickId(call.id, spec['taskId'], body, where), group)
    const bare = { decide: null, check: null, inputs: null, mapping: null, ref: null, site: captureSite() }
    const node: TaskNode = { kind: 'task', taskId, ...body, spec, group, ...bare }
    this.enter(taskId, node, group)
    const at = `Dag "${this.dagId}", task "${taskId}"`
    const factory = (...inputs: unknown[]) => this.place(node, readInputs(this, inputs, at), null)
    return brandFactory(factory, {
      owner: this,
      node,
      where: at,
      place: (inputs, mapping) => this.place(node, inputs, mapping),
    })
  }

  private place(node: TaskNode, inputs: Inputs, mapping: Mapping | null, more: object = {}): TaskRef {
    const where = `Dag "${this.dagId}", task "${node.taskId}"`
    this.refuseSealed('a call of a task')
    if (node.ref !== null)
      throw new Error(`${where} was already called; reuse the reference that the first call returned`)
    const given = [...inputs, ...(mapping?.over ?? [])]
    if (given.length > 0 && node.operator?.takesInputs === false)
      throw new Error(`${where}: ${node.operator.name} takes no inputs, found "${given[0]?.[0]}"`)
    node.inputs = inputs
    node.mapping = mapping
    for (const [, value] of given) {
      // A literal draws no edge; a ref was proven to be ours when the inputs were read.
      const source = insideOf(value)?.node
      if (source !== undefined) this.edges.push({ from: source, to: node, label: null })
    }
    const ref = this.refOf(node, { dagId: this.dagId, taskId: node.taskId, ...more })
    node.ref = ref
    return ref
  }

  /** `dag.if` and `dag.switch`: declares a task and places it at once. */
  decision(kind: 'if' | 'switch', args: readonly unknown[]): TaskRef {
    const where = `Dag "${this.dagId}", ${kind}`
    this.refuseSealed('a decision')
    const call = readDeciderCall(args, where)
    const spec = readSpec(call.spec, this.rules.task, where)
    const body = { handler: kind === 'if' ? call.handler : plainRefs(call.handler), operator: null }
    const taskId = pickId(null, spec['taskId'], { ...body, handler: call.handler }, where)
    const at = `Dag "${this.dagId}", task "${taskId}"`
    const host = {
      owner: this,
      where: () => at,
      draw: (target: unknown) => this.draw(node, [target], true),
    }
    const decider: Decider = kind === 'if' ? makeIf(host) : makeSwitch(host, this.dagId)
    const { decide, check } = decider
    const bare = { group: null, inputs: null, mapping: null, ref: null, site: captureSite() }
    const node: TaskNode = { kind: 'task', taskId, ...body, decide, check, spec, ...bare }
    this.enter(taskId, node, null)
    // Asked only once the ref below exists.
    const methods = decider.methods(() => ref)
    const ref: TaskRef = this.place(node, readInputs(this, call.inputs, at), null, methods)
    return ref
  }

  group(parent: GroupNode | null, groupId: unknown, options: unknown): TaskGroupRef {
    const where = `Dag "${this.dagId}"`
    this.refuseSealed('a group')
    if (typeof groupId !== 'string') throw new Error(`${where}: a group needs an id`)
    const id = this.path(checkId(groupId, 'group', where), parent)
    const spec = readSpec(options ?? {}, this.rules.group, `${where}, group "${id}"`)
    const [fault] = checkTypes(spec, this.rules.group, `${where}, group "${id}"`)
    if (fault !== undefined) throw new Error(fault)
    const node: GroupNode = {
      kind: 'group',
      groupId: id,
      hasPrefix: spec['prefixGroupId'] !== false,
      defaults: readSpec(spec['defaultArgs'] ?? {}, this.rules.task, `${where}, group "${id}", defaultArgs`),
      parent,
      members: [],
    }
    this.enter(id, node, parent)
    return this.refOf(node, {
      dagId: this.dagId,
      groupId: id,
      // The overloads of the public type are one function here.
      task: ((...args: unknown[]) => this.task(node, args)) as TaskMethod,
      taskGroup: (inner: string, more?: TaskGroupOptions) => this.group(node, inner, more),
    })
  }

  private draw(node: AnyNode, others: readonly unknown[], isBefore: boolean): void {
    this.refuseSealed('an edge')
    for (const other of others) {
      const { node: end, text } = openLabel(other)
      const target = nodeOf(this, end, `Dag "${this.dagId}"`)
      if (target === node) throw new Error(`Dag "${this.dagId}": a task or group cannot come before itself`)
      const [from, to] = isBefore ? [node, target] : [target, node]
      this.edges.push({ from, to, label: text })
    }
  }

  private refOf<T extends object>(
    node: AnyNode,
    own: T,
  ): T & { before(...others: unknown[]): never; after(...others: unknown[]): never } {
    const ref: object = {
      ...own,
      before: (...others: unknown[]) => {
        this.draw(node, others, true)
        return ref
      },
      after: (...others: unknown[]) => {
        this.draw(node, others, false)
        return ref
      },
    }
    // `before` and `after` return the ref itself, which the public types say as `this`.
    return brandRef(ref, { owner: this, node }) as T & {
      before(...others: unknown[]): never
      after(...others: unknown[]): never
    }
  }
}

/** Airflow's `Dag`: declares a DAG, with no side effect. */
export class FacadeDag {
  readonly dagId: string
  readonly spec: DagSpec

  constructor(dagId: string, spec?: DagSpec) {
    const builder = new Builder(dagId, spec, new.target === FacadeDag ? FACADE : BARAM)
    this.dagId = builder.dagId
    dags.set(builder, this)
    // Checked against the field table; values of a wrong type are told when the DAG is read.
    this.spec = builder.spec as DagSpec
    const hidden = {
      [DECLARATION]: builder,
      task: (...args: unknown[]) => builder.task(null, args),
      if: (...args: unknown[]) => builder.decision('if', args),
      switch: (...args: unknown[]) => builder.decision('switch', args),
      taskGroup: (id: unknown, options?: unknown) => builder.group(null, id, options),
    }
    for (const key of Reflect.ownKeys(hidden))
      Object.defineProperty(this, key, { value: Reflect.get(hidden, key), enumerable: false })
  }

  /** Ids in the order of declaration, with group prefixes. */
  get taskIds(): readonly string[] {
    return [...declarationOf(this).nodes.values()].flatMap((node) => (node.kind === 'task' ? [node.taskId] : []))
  }

  declare readonly task: TaskMethod
  /** Declares and places a task that says which of two sides runs. */
  declare readonly if: IfMethod
  /** Declares and places a task that chooses one of several. */
  declare readonly switch: SwitchMethod
  declare readonly taskGroup: (groupId: string, options?: TaskGroupOptions) => TaskGroupRef
}

/** `baram`'s `Dag`: wider options, and refs and return values checked by the compiler. */
export class Dag extends FacadeDag {
  constructor(dagId: string, spec?: BaramDagSpec) {
    // The wider options are accepted because `new.target` is not the façade's class.
    super(dagId, spec as DagSpec)
  }

  declare readonly task: CheckedTaskMethod
  declare readonly if: CheckedIf
  declare readonly switch: CheckedSwitch
  declare readonly taskGroup: (groupId: string, options?: BaramGroupOptions) => CheckedGroupRef
}
