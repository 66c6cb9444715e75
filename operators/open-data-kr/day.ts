// Days as data.go.kr counts them: in Seoul, which has no summer time.

const KST = 9 * 3_600_000
const DAY = 86_400_000
/** The portal counts anew at midnight; its clock and ours may differ. */
const AFTER_MIDNIGHT = 5 * 60_000

/** `20210101` */
export function dayInSeoul(at: number): string {
  return new Date(at + KST).toISOString().slice(0, 10).replaceAll('-', '')
}

/** Midnight in Seoul after that moment, epoch ms. */
export function nextMidnight(at: number): number {
  return Math.floor((at + KST) / DAY + 1) * DAY - KST
}

/** Seconds until the day in Seoul is over, and five minutes. */
export function secondsToNextDay(at: number): number {
  return Math.ceil((nextMidnight(at) + AFTER_MIDNIGHT - at) / 1_000)
}
