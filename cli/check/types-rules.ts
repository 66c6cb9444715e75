// What the compiler knows and does not tell: promises nobody waits for, and the ids that branches choose.

import type TypeScript from 'typescript'
import type { CheckFault } from './fault.ts'

type Ts = typeof TypeScript

/** The ids a branch's handler may return, as far as its type names them. */
export interface BranchChoice {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly ids: readonly string[]
}

function visit(ts: Ts, node: TypeScript.Node, see: (node: TypeScript.Node) => void): void {
  see(node)
  ts.forEachChild(node, (child) => visit(ts, child, see))
}

function placeOf(file: TypeScript.SourceFile, node: TypeScript.Node) {
  const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file))
  return { line: line + 1, column: character + 1 }
}

/** Statements that call something asynchronous and go on: the task may end before it, and its error is nobody's. */
export function findFloating(
  ts: Ts,
  checker: TypeScript.TypeChecker,
  file: TypeScript.SourceFile,
  name: string,
): CheckFault[] {
  const faults: CheckFault[] = []
  visit(ts, file, (node) => {
    if (!ts.isExpressionStatement(node) || !ts.isCallExpression(node.expression)) return
    const type = checker.getTypeAtLocation(node.expression)
    if (type.symbol?.name !== 'Promise') return
    // `.catch(…)` and `.then(…, …)` take care of it.
    const { expression: called } = node.expression
    if (ts.isPropertyAccessExpression(called) && ['catch', 'then', 'finally'].includes(called.name.text)) return
    faults.push({
      file: name,
      ...placeOf(file, node),
      code: 'PROMISE_FLOATING',
      message:
        'nobody waits for this promise: the task may end before it, and its error is lost; write await in front of it',
      level: 'error',
    })
  })
  return faults
}

/** Text literals of a type; null when it is wider than that. */
function literalsOf(ts: Ts, checker: TypeScript.TypeChecker, type: TypeScript.Type): string[] | null {
  if (type.isUnion()) {
    const parts = type.types.map((part) => literalsOf(ts, checker, part))
    return parts.includes(null) ? null : parts.flatMap((part) => part ?? [])
  }
  if (type.isStringLiteral()) return [type.value]
  if ((type.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)) !== 0) return []
  const element =
    checker.isArrayType(type) || checker.isTupleType(type)
      ? checker.getIndexTypeOfType(type, ts.IndexKind.Number)
      : undefined
  return element === undefined ? null : literalsOf(ts, checker, element)
}

/** What a handler that is written out returns; null = it is a name. */
function returnedBy(ts: Ts, handler: TypeScript.Node | undefined): TypeScript.Expression[] | null {
  if (handler === undefined || !(ts.isArrowFunction(handler) || ts.isFunctionExpression(handler))) return null
  if (!ts.isBlock(handler.body)) return [handler.body]
  const found: TypeScript.Expression[] = []
  const look = (node: TypeScript.Node): void => {
    if (ts.isFunctionLike(node)) return
    if (ts.isReturnStatement(node) && node.expression !== undefined) found.push(node.expression)
    ts.forEachChild(node, look)
  }
  ts.forEachChild(handler.body, look)
  return found
}

/** Calls of `branch(handler)` whose choices the compiler knows by name. */
export function findBranches(
  ts: Ts,
  checker: TypeScript.TypeChecker,
  file: TypeScript.SourceFile,
  name: string,
): BranchChoice[] {
  const found: BranchChoice[] = []
  visit(ts, file, (node) => {
    if (!ts.isCallExpression(node) || node.expression.getText(file) !== 'branch') return
    // The operator's own type has forgotten which text a single choice was.
    const choices = returnedBy(ts, node.arguments[0])?.map((part) =>
      literalsOf(ts, checker, checker.getTypeAtLocation(part)),
    )
    const ids = choices === undefined || choices.includes(null) ? null : choices.flatMap((choice) => choice ?? [])
    if (ids !== null && ids.length > 0) found.push({ file: name, ...placeOf(file, node), ids })
  })
  return found
}
