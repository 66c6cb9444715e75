// What robots.txt of a shop leaves open to us.

import type { HttpAnswer } from '../../operators/http/answer.ts'
import type { HttpClient } from '../../operators/http/client.ts'
import { FailTask } from '../../sdk/index.ts'

/** Paths under `User-agent: *` (or our own name) that robots.txt closes. Longest match wins, as RFC 9309 has it. */
export function isAllowed(robots: string, path: string): boolean {
  const rules = groupFor(robots, 'baram') ?? groupFor(robots, '*') ?? []
  const matching = rules.filter((rule) => rule.path !== '' && path.startsWith(rule.path.replace(/\*.*$/, '')))
  const longest = Math.max(0, ...matching.map((rule) => rule.path.length))
  const best = matching.filter((rule) => rule.path.length === longest)
  return best.length === 0 || best.some((rule) => rule.allow)
}

interface Rule {
  readonly allow: boolean
  readonly path: string
}

function groupFor(robots: string, agent: string): readonly Rule[] | null {
  const rules: Rule[] = []
  let isOurs = false
  let hasRules = true
  let isFound = false
  for (const line of robots.split(/\r?\n/)) {
    const match = /^\s*(user-agent|allow|disallow)\s*:\s*([^#]*?)\s*(?:#.*)?$/i.exec(line)
    const [, field = '', value = ''] = match ?? []
    if (/^user-agent$/i.test(field)) {
      // Several names in a row share one group.
      if (hasRules) isOurs = false
      hasRules = false
      isOurs ||= value.toLowerCase() === agent
      isFound ||= isOurs
    } else if (field !== '') {
      hasRules = true
      if (isOurs) rules.push({ allow: /^allow$/i.test(field), path: value })
    }
  }
  return isFound ? rules : null
}

/**
 * No robots.txt means that nothing is closed.
 * @param judge throws for a server that cannot say now
 * @throws FailTask when the path is closed
 */
export async function checkRobots(
  client: HttpClient,
  path: string,
  userAgent: string,
  judge: (answer: HttpAnswer) => void,
): Promise<void> {
  const answer = await client.request({ endpoint: '/robots.txt', headers: { 'user-agent': userAgent } })
  if (answer.status >= 500) judge(answer)
  if (answer.status < 400 && !isAllowed(answer.text, path))
    throw new FailTask(`robots.txt of the shop closes ${path} to crawlers: nothing was read`)
}
