// The folder of an event time: `dt=2024-03-18/hh=09`, on the clock of a zone.

import { Temporal } from 'temporal-polyfill'

/** No zone's clock changes within one: they all stand at whole quarters of an hour. */
const QUARTER = 900_000

/** Finds folders of one zone; a window has many records of few hours, and asking the zone each time is slow. */
export class HourFolders {
  readonly #zone: string
  readonly #known = new Map<number, string>()

  /** @throws RangeError for a zone that is not in the zone database */
  constructor(zone: string) {
    this.#zone = zone
    this.of(0)
  }

  /** @param at epoch ms */
  of(at: number): string {
    const quarter = Math.floor(at / QUARTER)
    const known = this.#known.get(quarter)
    if (known !== undefined) return known
    const local = Temporal.Instant.fromEpochMilliseconds(quarter * QUARTER).toZonedDateTimeISO(this.#zone)
    const folder = `dt=${local.toPlainDate().toString()}/hh=${String(local.hour).padStart(2, '0')}`
    this.#known.set(quarter, folder)
    return folder
  }
}
