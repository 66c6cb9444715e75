// Operators that decide what is left out: branches of several, short circuits, and "only the latest run".

import type { OperatorContext } from './context.ts'
import { readBody } from './nodes.ts'
import { defineOperator, type Operator } from './operator.ts'
import type { TaskFunction } from './types.ts'

/** What a branch chooses: the id of a task or group directly behind it, several, or `null` for none. */
export type BranchChoice = string | readonly string[] | null

function idsOf(choice: unknown): readonly string[] {
  const ids = choice === null || choice === undefined ? [] : typeof choice === 'string' ? [choice] : choice
  if (Array.isArray(ids) && ids.every((id): id is string => typeof id === 'string')) return ids
  throw new Error(`a branch must return a task id, several, or null, found ${JSON.stringify(choice) ?? typeof choice}`)
}

/** Skips what stands directly behind and was not chosen, unless a chosen one leads there as well. @throws Error */
function follow(op: OperatorContext, choice: unknown): void {
  const direct = op.downstream()
  const chosen = idsOf(choice).flatMap((id) => {
    // A group is known by the ids of its tasks, which begin with its own.
    const found = direct.filter((task) => task === id || task.startsWith(`${id}.`))
    if (found.length > 0) return found
    throw new Error(
      `a branch may choose only what stands directly behind it (${direct.map((task) => `"${task}"`).join(', ')}), found "${id}"`,
    )
  })
  const followed = new Set([...chosen, ...chosen.flatMap((id) => op.downstream(true, id))])
  op.skip(direct.filter((task) => !followed.has(task)))
}

/**
 * An operator whose handler says which of the tasks directly behind it run; the others are skipped. What it returned is
 * its XCom. `dag.task('choose', branch(() => 'fast'))().before(fast, slow)`. A group is named by its id, if it prefixes the
 * ids of its tasks. An id that does not stand directly behind fails the task, and nothing is skipped.
 * @throws Error for anything but a function of one object
 */
export function branch<TArgs, TChoice extends BranchChoice>(
  handler: TaskFunction<TArgs, TChoice>,
): Operator<TArgs, TChoice> {
  readBody(handler, 'branch(handler)')
  return defineOperator<TArgs, TChoice>({
    name: 'BranchOperator',
    skips: true,
    async execute(op, args) {
      const choice = await handler(args)
      follow(op, choice)
      return choice
    },
  })
}

export interface ShortCircuitOptions {
  /** Skip everything behind, whatever its trigger rules; false: only what stands directly behind. Default true. */
  readonly ignoreDownstreamTriggerRules?: boolean
}

/**
 * An operator that skips what follows when its handler returns something falsy. What it returned is its XCom.
 * @throws Error for anything but a function of one object
 */
export function shortCircuit<TArgs, TReturn>(
  handler: TaskFunction<TArgs, TReturn>,
  options: ShortCircuitOptions = {},
): Operator<TArgs, TReturn> {
  readBody(handler, 'shortCircuit(handler)')
  const { ignoreDownstreamTriggerRules = true } = options
  return defineOperator<TArgs, TReturn>({
    name: 'ShortCircuitOperator',
    options: { ignoreDownstreamTriggerRules },
    skips: true,
    async execute(op, args) {
      const value = await handler(args)
      if (!value) op.skip(op.downstream(ignoreDownstreamTriggerRules))
      return value
    },
  })
}

/**
 * An operator that skips what stands directly behind it in every run but the latest; for DAGs with `catchup` whose tasks
 * make sense only now. Manual runs always pass.
 */
export function latestOnly(): Operator<Record<never, never>, void> {
  return defineOperator<Record<never, never>, void>({
    name: 'LatestOnlyOperator',
    skips: true,
    takesInputs: false,
    execute(op) {
      if (op.run.runType === 'manual' || op.isLatest()) return
      op.log.info('not the latest run: what stands directly behind is skipped')
      op.skip(op.downstream())
    },
  })
}

/** A task that does nothing: a place where edges meet. */
export function empty(): Operator<Record<never, never>, void> {
  return defineOperator<Record<never, never>, void>({
    name: 'EmptyOperator',
    takesInputs: false,
    execute: () => undefined,
  })
}
