// An hourly observation as the API writes it: texts, "" where nothing was measured. pipelines/weather has its own view of the same
// API: a server shares no code with its client. test/pipelines/simulated-sources.test.ts compares the two.

/** Of one station and hour; the names and their order are the API's, but for `rnum`, which counts the rows of an answer. */
export type Observation = Readonly<Record<string, string>>

export interface ObservationQuery {
  /** `108` */
  readonly station: string
  /** Epoch ms of the first and of the last hour, both inclusive. */
  readonly from: number
  readonly to: number
}

/** Where the service has its rows from: seeded chance, or a recording. */
export interface ObservationSource {
  /** Told at `/`. */
  readonly name: string
  /** In order of time; of a station that is not known, none. */
  observations(query: ObservationQuery): readonly Observation[]
}

export const HOUR = 3_600_000
export const DAY = 24 * HOUR
const KST = 9 * HOUR

/** `2021-01-01 00:00` in Seoul. */
export function kstMinute(at: number): string {
  return new Date(at + KST).toISOString().slice(0, 16).replace('T', ' ')
}

/** Epoch ms of `20210101` and `07` in Seoul; null when there is no such hour. */
export function hourAt(day: string, hour: string): number | null {
  const [, y, m, d] = /^(\d{4})(\d\d)(\d\d)$/.exec(day) ?? []
  if (y === undefined || !/^([01]?\d|2[0-3])$/.test(hour)) return null
  const midnight = Date.parse(`${y}-${m}-${d}T00:00:00Z`)
  // A Date takes 30 February for 1 March.
  if (Number.isNaN(midnight) || new Date(midnight).getUTCDate() !== Number(d)) return null
  return midnight - KST + Number(hour) * HOUR
}

export const startOfDay = (at: number): number => Math.floor((at + KST) / DAY) * DAY - KST

/** Hours since midnight in Seoul. */
export const hourOfDay = (at: number): number => (at - startOfDay(at)) / HOUR
