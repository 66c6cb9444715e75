// Recorded observations as a source: what was recorded is served, in its order, and nothing else.

import { kstMinute, type Observation, type ObservationSource } from './observation.ts'

/** @param rows each with `tm` (`2021-01-01 00:00`) and `stnId` */
export function replaySource(rows: readonly Observation[]): ObservationSource {
  return {
    name: `a recording of ${rows.length} observations`,
    observations({ station, from, to }) {
      const [first, last] = [kstMinute(from), kstMinute(to)]
      return rows.filter(({ stnId, tm = '' }) => stnId === station && tm >= first && tm <= last)
    },
  }
}
