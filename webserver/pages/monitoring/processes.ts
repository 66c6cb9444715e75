// The processes of a deployment by service, for the pages that tell how it does.

import { SERVICES } from '../../../core/metrics.ts'
import { duration as age } from '../../../core/times.ts'
import { type ProcessRow, SERVICE_OF } from '../../../store/postgres/metrics.ts'
import { FRESH_SECONDS } from '../../metrics/database-metrics.ts'

export const MOST_PROCESSES = 200
/** Without them nothing runs; the other services are parts of the scheduler's process. */
const NEEDED: readonly string[] = ['scheduler', 'worker']

export function processView(processes: readonly ProcessRow[]) {
  return SERVICES.map((service) => {
    const own = processes.filter((row) => SERVICE_OF[row.jobType] === service)
    const alive = own.filter((row) => row.age < FRESH_SECONDS)
    const [newest] = [...own].sort((a, b) => a.age - b.age)
    return {
      service,
      count: alive.length,
      isMissing: alive.length === 0,
      isNeeded: NEEDED.includes(service),
      hosts: [...new Set(alive.map(({ hostname }) => hostname))].slice(0, 5).join(', '),
      heartbeat: newest === undefined ? null : age(newest.age),
    }
  })
}

/** Needed services of which no process lives. */
export const missingServices = (services: ReturnType<typeof processView>): readonly string[] =>
  services.filter(({ isMissing, isNeeded }) => isMissing && isNeeded).map(({ service }) => service)
