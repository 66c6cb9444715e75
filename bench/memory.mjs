// Memory of processes, from /proc.

import { readdirSync, readFileSync } from 'node:fs'

const field = (path, pattern) => {
  try {
    return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0 // It has ended.
  }
}

/** MB. */
export const rss = (pid) => field(`/proc/${pid}/status`, /VmRSS:\s+(\d+)/)

/** Proportional set size, so that what processes share is counted once, MB. */
export const pss = (pid) => field(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+)/m)

export const childrenOf = (pid) => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean),
    )
  } catch {
    return [] // It has ended.
  }
}

/** A process and all that descend from it. */
export const treeOf = (pid) => [pid, ...childrenOf(pid).flatMap(treeOf)]
