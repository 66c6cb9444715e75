// An instant in a row: ISO in UTC for programs and pipes, the wall clock of its DAG's zone for a person at a terminal.

import { isTimeZone, localTexts } from '../core/timetables/zone.ts'

export class Moment {
  /** Epoch ms. */
  readonly at: number
  readonly zone: string

  constructor(at: number, zone: string) {
    this.at = at
    this.zone = zone
  }

  toString(): string {
    return new Date(this.at).toISOString()
  }

  toJSON(): string {
    return this.toString()
  }

  /** `2026-03-18 09:00:00+09:00`: to the second, and its offset, so that two zones in one table are told apart. */
  local(): string {
    // A server may know zones that this machine does not.
    if (!isTimeZone(this.zone)) return this.toString()
    const { ts } = localTexts(Math.floor(this.at / 1000) * 1000, this.zone)
    return ts.replace('T', ' ')
  }
}

/** Empty when there is none. */
export const moment = (at: number | null | undefined, zone: string): Moment | '' =>
  at === null || at === undefined ? '' : new Moment(at, zone)
