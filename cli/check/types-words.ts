// The compiler's sentence that helps: of a chain of "no overload matches" the last link, of our own type problems the sentence.

import type TypeScript from 'typescript'

/** Leaves of a chain, the deepest last. */
function leaves(chain: TypeScript.DiagnosticMessageChain): string[] {
  const { next } = chain
  return next === undefined || next.length === 0 ? [chain.messageText] : next.flatMap(leaves)
}

/** One sentence for a diagnostic; what a `TypeProblem` says stands above all. */
export function wordsOf(ts: typeof TypeScript, fault: TypeScript.Diagnostic): string {
  const whole = ts.flattenDiagnosticMessageText(fault.messageText, '\n')
  const problem = /TypeProblem<"([^"]+)">/.exec(whole)?.[1]
  if (problem !== undefined) return problem
  if (typeof fault.messageText === 'string') return fault.messageText
  const [first, ...rest] = leaves(fault.messageText)
  const isOverload = fault.messageText.messageText.startsWith('No overload matches')
  // Of overloads the first is the one with an id, which authors write; its last link names the part that does not fit.
  const deepest = isOverload ? (first ?? '') : ([first, ...rest].at(-1) ?? '')
  const [head] = whole.split('\n')
  return isOverload || head === deepest ? deepest : `${head} ${deepest}`
}
