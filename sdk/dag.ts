// `Dag` behind both doors: Airflow's strict one, and ours, which extends it by wider options and checked types.

import {
  type AnyNode,
  brandRef,
  checkId,
  type GroupNode,
  nodeOf,
  pickId,
  readBody,
  readInputs,
  readTaskCall,
  type TaskNode,
} from './nodes.ts'
import { BARAM_DAG, BARAM_TASK, FACADE_DAG, FACADE_TASK, readSpec, type SpecRules } from './spec.ts'
import type {
  BaramDagSpec,
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
  readonly rules: { readonly dag: SpecRules; readonly task: SpecRules }
  readonly nodes: ReadonlyMap<string, AnyNode>
  readonly edges: readonly (readonly [AnyNode, AnyNode])[]
  seal(): void
}

const DECLARATION = Symbol.for('baram.declaration')

export function declarationOf(dag: object): Declaration {
  // Only Dag's constructor sets this symbol.
  return (dag as { [DECLARATION]: Declaration })[DECLARATION]
}

export function isDag(value: unknown): value is FacadeDag {
  return typeof value === 'object' && value !== null && DECLARATION in value
}

class Builder implements Declaration {
  readonly dagId: string
  readonly spec: Readonly<Record<string, unknown>>
  readonly rules: Declaration['rules']
  readonly nodes = new Map<string, AnyNode>()
  readonly edges: (readonly [AnyNode, AnyNode])[] = []
  private isSealed = false

  constructor(dagId: unknown, spec: unknown, rules: Declaration['rules']) {
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
    const node: TaskNode = { kind: 'task', taskId, ...body, decide: null, spec, group, inputs: null, ref: null }
    this.enter(taskId, node, group)
    return (...inputs) => this.place(node, inputs)
  }

  private place(node: TaskNode, inputs: readonly unknown[]): TaskRef {
    const where = `Dag "${this.dagId}", task "${node.taskId}"`
    this.refuseSealed('a call of a task')
    if (node.ref !== null)
      throw new Error(`${where} was already called; reuse the reference that the first call returned`)
    node.inputs = readInputs(this, inputs, where)
    for (const [, value] of node.inputs) {
      // A literal draws no edge; a ref was proven to be ours by readInputs.
      const source = isRef(value) ? nodeOf(this, value, where) : null
      if (source !== null) this.edges.push([source, node])
    }
    const ref = this.refOf(node, { dagId: this.dagId, taskId: node.taskId })
    node.ref = ref
    return ref
  }

  group(parent: GroupNode | null, groupId: unknown, options: unknown): TaskGroupRef {
    const where = `Dag "${this.dagId}"`
    this.refuseSealed('a group')
    if (typeof groupId !== 'string') throw new Error(`${where}: a group needs an id`)
    const { prefixGroupId = true } = readSpec(
      options ?? {},
      { what: 'group', fields: { prefixGroupId: 'boolean' } },
      where,
    )
    if (typeof prefixGroupId !== 'boolean') throw new Error(`${where}: prefixGroupId must be true or false`)
    const id = this.path(checkId(groupId, 'group', where), parent)
    const node: GroupNode = { kind: 'group', groupId: id, hasPrefix: prefixGroupId, parent, members: [] }
    this.enter(id, node, parent)
    return this.refOf(node, {
      dagId: this.dagId,
      groupId: id,
      // The overloads of the public type are one function here.
      task: ((...args: unknown[]) => this.task(node, args)) as TaskMethod,
      taskGroup: (inner: string, more?: TaskGroupOptions) => this.group(node, inner, more),
    })
  }

  private refOf<T extends object>(
    node: AnyNode,
    own: T,
  ): T & { before(...others: unknown[]): never; after(...others: unknown[]): never } {
    const draw = (others: readonly unknown[], isBefore: boolean) => {
      this.refuseSealed('an edge')
      for (const other of others) {
        const target = nodeOf(this, other, `Dag "${this.dagId}"`)
        if (target === node) throw new Error(`Dag "${this.dagId}": a task or group cannot come before itself`)
        this.edges.push(isBefore ? [node, target] : [target, node])
      }
      return ref
    }
    const ref: object = {
      ...own,
      before: (...others: unknown[]) => draw(others, true),
      after: (...others: unknown[]) => draw(others, false),
    }
    // `before` and `after` return the ref itself, which the public types say as `this`.
    return brandRef(ref, { owner: this, node }) as T & {
      before(...others: unknown[]): never
      after(...others: unknown[]): never
    }
  }
}

const isRef = (value: unknown): value is TaskRef =>
  typeof value === 'object' && value !== null && Symbol.for('baram.ref') in value

/** Airflow's `Dag`: declares a DAG, with no side effect. */
export class FacadeDag {
  readonly dagId: string
  readonly spec: DagSpec

  constructor(dagId: string, spec?: DagSpec) {
    const isOurs = new.target !== FacadeDag
    const builder = new Builder(
      dagId,
      spec,
      isOurs ? { dag: BARAM_DAG, task: BARAM_TASK } : { dag: FACADE_DAG, task: FACADE_TASK },
    )
    this.dagId = builder.dagId
    // Checked against the field table; values of a wrong type are told when the DAG is read.
    this.spec = builder.spec as DagSpec
    Object.defineProperty(this, DECLARATION, { value: builder, enumerable: false })
    Object.defineProperty(this, 'task', { value: (...args: unknown[]) => builder.task(null, args), enumerable: false })
    Object.defineProperty(this, 'taskGroup', {
      value: (id: unknown, options?: unknown) => builder.group(null, id, options),
      enumerable: false,
    })
  }

  /** Ids in the order of declaration, with group prefixes. */
  get taskIds(): readonly string[] {
    return [...declarationOf(this).nodes.values()].flatMap((node) => (node.kind === 'task' ? [node.taskId] : []))
  }

  declare readonly task: TaskMethod
  declare readonly taskGroup: (groupId: string, options?: TaskGroupOptions) => TaskGroupRef
}

/** `baram`'s `Dag`: wider options, and refs and return values checked by the compiler. */
export class Dag extends FacadeDag {
  constructor(dagId: string, spec?: BaramDagSpec) {
    // The wider options are accepted because `new.target` is not the façade's class.
    super(dagId, spec as DagSpec)
  }

  declare readonly task: CheckedTaskMethod
  declare readonly taskGroup: (groupId: string, options?: TaskGroupOptions) => CheckedGroupRef
}
