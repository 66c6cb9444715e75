// Generated points of vehicles in Seoul: seeded, and the same for the same numbers. Each says so in `rgtrId`.
//
// Every record is a function of its number alone, so a producer that was killed continues anywhere. Of a thousand records ten repeat an
// earlier id, as the feed does, one is garbage, and five are late.

import { chance } from '../chance.ts'

const REPEATED = 0.01
const GARBAGE = 0.001
const LATE = 0.005
/** A repeat is of one of so many records before it. */
const REACH = 500
const LATEST_MS = 2 * 3_600_000

export interface CarPlan {
  readonly seed: number
  /** Vehicles. */
  readonly cars: number
  /** Points a second of event time, of all vehicles. */
  readonly perSecond: number
  /** Event time of the first point, epoch ms. */
  readonly start: number
}

export interface GeneratedCar {
  readonly kind: 'point' | 'repeat' | 'garbage'
  /** The terminal: records of one vehicle stay in order. */
  readonly key: string
  readonly value: string
  /** Of a point or a repeat. */
  readonly id: string
}

type Fate = GeneratedCar['kind']

function fateOf(plan: CarPlan, n: number): Fate {
  const drawn = chance(plan.seed, n, 0)
  if (drawn < GARBAGE) return 'garbage'
  return drawn < GARBAGE + REPEATED && n > 0 ? 'repeat' : 'point'
}

/** The nearest point at or before a number; the first record of all stands in where there is none. */
function pointBefore(plan: CarPlan, n: number): number {
  for (let at = n; at > 0; at -= 1) if (fateOf(plan, at) === 'point') return at
  return 0
}

const TYPES = ['9220', '9228', '9252', '9253', '9255', '9217'] as const
const two = (value: number) => String(value).padStart(2, '0')

const carOf = ({ cars }: CarPlan, n: number) => n % cars
const terminalOf = (plan: CarPlan, n: number) => `GEN${String(carOf(plan, n)).padStart(6, '0')}`
/** Points of another start or seed are others. */
const idOf = ({ seed, start }: CarPlan, n: number) => `GEN-${seed}-${Math.floor(start / 1_000).toString(36)}-${n}`

function fieldsOf(plan: CarPlan, n: number): Record<string, unknown> {
  const car = carOf(plan, n)
  const onTime = plan.start + Math.floor((n * 1_000) / plan.perSecond)
  const gps = chance(plan.seed, n, 1) < LATE ? onTime - Math.floor(chance(plan.seed, n, 2) * LATEST_MS) : onTime
  const sent = onTime + 100 + Math.floor(chance(plan.seed, n, 3) * 900)
  const local = new Date(sent + 9 * 3_600_000)
  const drift = Math.sin(n / plan.cars / 40 + car) * 0.02
  return {
    dataId: idOf(plan, n),
    trsmDy: local.getUTCDate(),
    trmnId: terminalOf(plan, n),
    trsmUtcTime: sent,
    trsmYear: String(local.getUTCFullYear()),
    trsmMt: two(local.getUTCMonth() + 1),
    trsmTm: `${two(local.getUTCHours())}${two(local.getUTCMinutes())}${two(local.getUTCSeconds())}`,
    trsmMs: String(local.getUTCMilliseconds()),
    vhcleLot: Number((126.8 + chance(plan.seed, car, 4) * 0.35 + drift).toFixed(6)),
    vhcleLat: Number((37.45 + chance(plan.seed, car, 5) * 0.22 + drift).toFixed(6)),
    vhcleEvt: Number((20 + chance(plan.seed, n, 6) * 60).toFixed(1)),
    trmnTypeCd: 'OBU',
    gpsUtcTime: gps,
    vhcleDrc: Number((chance(plan.seed, n, 7) * 360).toFixed(1)),
    vhcleSped: Number((chance(plan.seed, n, 8) * 80).toFixed(1)),
    trnsmStatCd: 'D',
    lcdtRevisnStatCd: chance(plan.seed, n, 9) < 0.9 ? '1' : null,
    vhcleTypeCd: TYPES[Math.floor(chance(plan.seed, car, 10) * TYPES.length)],
    rgtrId: 'generated',
    regDt: `${local.toISOString().slice(0, 10)} ${local.toISOString().slice(11, 19)}`,
  }
}

/** Epochs look like floats in the feed. */
const jsonOf = (fields: Record<string, unknown>): string =>
  JSON.stringify(fields).replaceAll(/("(?:trsm|gps)UtcTime":\d+)([,}])/g, '$1.0$2')

/** What no sink may take, each in its own way. */
function garbageOf(plan: CarPlan, n: number): string {
  const fields = fieldsOf(plan, n)
  const { dataId, vhcleLot, vhcleLat, gpsUtcTime, ...rest } = fields
  switch (Math.floor(chance(plan.seed, n, 11) * 5)) {
    case 0:
      return jsonOf(fields).slice(0, 60)
    case 1:
      return jsonOf({ ...rest, vhcleLot, vhcleLat, gpsUtcTime })
    case 2:
      return jsonOf({ ...fields, vhcleLot: vhcleLat, vhcleLat: vhcleLot })
    case 3:
      return jsonOf({ ...fields, gpsUtcTime: Math.floor(Number(gpsUtcTime) / 1_000) })
    default:
      return jsonOf({ ...fields, dataId, vhcleLot: 0, vhcleLat: 0 })
  }
}

/** Record number `n`, from 0. */
export function generateCar(plan: CarPlan, n: number): GeneratedCar {
  const kind = fateOf(plan, n)
  if (kind === 'garbage') return { kind, key: terminalOf(plan, n), value: garbageOf(plan, n), id: '' }
  const of = kind === 'point' ? n : pointBefore(plan, n - 1 - Math.floor(chance(plan.seed, n, 12) * Math.min(n, REACH)))
  return { kind, key: terminalOf(plan, of), value: jsonOf(fieldsOf(plan, of)), id: idOf(plan, of) }
}

export interface CarCounts {
  readonly records: number
  readonly distinctIds: number
  readonly repeats: number
  readonly garbage: number
}

/** What the first so many records hold: what sinks must agree with in the end. */
export function countCars(plan: CarPlan, records: number): CarCounts {
  const ids = new Set<string>()
  let garbage = 0
  for (let n = 0; n < records; n += 1) {
    const { kind, id } = generateCar(plan, n)
    if (kind === 'garbage') garbage += 1
    else ids.add(id)
  }
  return { records, distinctIds: ids.size, repeats: records - garbage - ids.size, garbage }
}
