// What concerns the whole deployment and somebody must act on: the API's health and the head of every page say it.

import type { Web } from './deps.ts'

export interface DeploymentProblem {
  readonly kind: 'clock' | 'schema'
  /** For a translator: `{by}` and `{names}` are filled in. */
  readonly text: string
  readonly values: Readonly<Record<string, string>>
}

/** `+1 h 30 min` */
function describeMove(movedMs: number): string {
  const minutes = Math.round(Math.abs(movedMs) / 60_000)
  const days = Math.floor(minutes / 1440)
  const hours = Math.floor((minutes % 1440) / 60)
  const rest = minutes % 60
  const parts = [days > 0 ? `${days} d` : '', hours > 0 ? `${hours} h` : '', rest > 0 ? `${rest} min` : '']
  return `${movedMs < 0 ? '−' : '+'}${parts.filter((part) => part !== '').join(' ')}`
}

/** `clockMovedMs`: as schedulers say, null = they believe the clock. */
export function deploymentProblems(web: Web, clockMovedMs: number | null): readonly DeploymentProblem[] {
  const problems: DeploymentProblem[] = []
  if (clockMovedMs !== null)
    problems.push({
      kind: 'clock',
      text: "No runs are created: the database's clock jumped by {by}. Set it right, or run {command} if it is.",
      values: { by: describeMove(clockMovedMs), command: 'dagctl db confirm-clock' },
    })
  const newer = web.schema?.newer ?? []
  if (newer.length > 0)
    problems.push({
      kind: 'schema',
      text: 'The database was migrated by a newer Baram ({names}): restart this one with that version.',
      values: { names: newer.join(', ') },
    })
  return problems
}

/** As one plain sentence. */
export const problemText = ({ text, values }: DeploymentProblem): string =>
  text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
