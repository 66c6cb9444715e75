// All invariants, one line each: what was checked, how much of it, and what did not hold.

import { checkClosed, checkDates, checkInstances, checkLimits } from './check-ledger.mjs'
import { checkAttempts, checkCrowds, checkFacts, checkLogs, checkXComs } from './check-witness.mjs'
import { Finding, readHistory } from './history.mjs'

const SHOWN = 5

/** What a frozen worker's tasks print is read by nobody: they are dead before it thaws. */
function excuses(facts) {
  const frozen = facts.filter((fact) => fact.kind === 'stopped').flatMap((fact) => fact.held)
  const keys = new Set(frozen.map(({ ti_id: ti, epoch }) => `${ti}/${epoch}`))
  return (attempt) => keys.has(`${attempt.ti}/${attempt.epoch}`)
}

function checkEnds({ problems, checked }) {
  const finding = new Finding('I14', 'every process ends when it is asked to')
  finding.checked = checked
  finding.violations = problems
  return finding
}

/** @returns ids of the invariants that were violated */
export async function check({ deployment, load, facts, dueDates, holders, isSettled, ends, tasks }) {
  const history = await readHistory(deployment)
  const findings = [
    ...checkDates(history, dueDates),
    ...checkAttempts(history),
    ...checkInstances(history),
    ...checkLimits(history),
    ...checkCrowds(history),
    ...checkClosed(holders, history, { triggered: load.triggered, tasks, isDrained: isSettled }),
    ...checkXComs(history),
    ...checkLogs(history, deployment.logs, excuses(facts)),
    ...checkFacts(history, facts),
    checkEnds(ends),
  ]
  const tries = history.instances.reduce((sum, ti) => sum + ti.try_number, 0)
  console.log(
    `\n${history.runs.length} runs, ${history.instances.length} instances, ${tries} tries, ${history.attempts.size} attempts seen at work`,
  )
  for (const { id, what, checked, violations } of findings) {
    console.log(`${id.padEnd(4)} checked ${String(checked).padStart(6)}, violations ${violations.length}   ${what}`)
    for (const violation of violations.slice(0, SHOWN)) console.log(`       ${violation}`)
    if (violations.length > SHOWN) console.log(`       … and ${violations.length - SHOWN} more`)
  }
  return findings.filter(({ violations }) => violations.length > 0).map(({ id }) => id)
}
