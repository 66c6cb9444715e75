// Generated weather: a pure function of (seed, station, hour), so that asking twice, or from two processes, gives the same.
//
// Temperature is the season, the hour of the day and smooth noise; rain comes in spells, and most hours have none, which the API
// writes as ""; at night there is no sunshine. Now and then a value is flagged as wrong (1) or missing (9), as in the real data.

import { chance, hashText } from '../chance.ts'
import { DAY, HOUR, hourOfDay, kstMinute, type Observation, type ObservationSource } from './observation.ts'

interface Climate {
  readonly name: string
  /** Mean of the year, °C. */
  readonly mean: number
  /** Half of the difference between summer and winter, °C. */
  readonly swing: number
}

/** Numbers and names of real stations; what they measure here is made up. */
const STATIONS: Readonly<Record<string, Climate>> = {
  '108': { name: '서울', mean: 12.8, swing: 14 },
  '133': { name: '대전', mean: 13.1, swing: 13.5 },
  '143': { name: '대구', mean: 14.5, swing: 13 },
  '156': { name: '광주', mean: 14.1, swing: 12.5 },
  '159': { name: '부산', mean: 15, swing: 11 },
}

export const SERVED_STATIONS: readonly string[] = Object.keys(STATIONS)

/** Smooth noise in [-1, 1]: chance at whole multiples of `hours`, eased between them. */
function smooth(seed: number, salt: number, hour: number, hours: number): number {
  const step = Math.floor(hour / hours)
  const t = hour / hours - step
  const eased = t * t * (3 - 2 * t)
  return (chance(seed, salt, step) * (1 - eased) + chance(seed, salt, step + 1) * eased) * 2 - 1
}

/** -1 in mid-January, 1 in mid-July. */
const season = (at: number): number => -Math.cos((2 * Math.PI * (at / DAY - 15)) / 365.25)

const within = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value))

interface Sky {
  readonly cloud: number
  /** mm; 0 = none. */
  readonly rain: number
  /** Hours of sunshine in this hour. */
  readonly sun: number
}

function skyOf(seed: number, at: number): Sky {
  const hour = at / HOUR
  const wet = smooth(seed, 1, hour, 30) + 0.3 * smooth(seed, 2, hour, 7)
  const rain = wet > 0.75 ? Math.round(80 * (wet - 0.75) ** 2 * (1 + chance(seed, 3, hour)) * 10) / 10 + 0.1 : 0
  const cloud = within(Math.round(5 + 6 * wet), 0, 10)
  const ofDay = hourOfDay(at)
  const sun = ofDay < 7 || ofDay > 18 ? 0 : within(Math.round((1 - cloud / 10) * 10) / 10, 0, 1)
  return { cloud, rain, sun }
}

/** The value's flag: 1 = wrong, 9 = missing, "" = good. */
function flagOf(seed: number, salt: number, hour: number): '' | '1' | '9' {
  const dice = chance(seed, salt, hour)
  return dice < 0.001 ? '1' : dice < 0.003 ? '9' : ''
}

/** A value and its flag; what is missing has no value. */
function flagged(name: string, value: string, flag: string): Observation {
  return { [name]: flag === '9' ? '' : value, [`${name}Qcflg`]: flag }
}

function observe(seed: number, station: string, { name, mean, swing }: Climate, at: number): Observation {
  const hour = at / HOUR
  const { cloud, rain, sun } = skyOf(seed, at)
  const daily = Math.cos((2 * Math.PI * (hourOfDay(at) - 15)) / 24) * (1 + 3 * (1 - cloud / 10))
  const ta = mean + swing * season(at) + daily + 4 * smooth(seed, 4, hour, 72) + 0.5 * smooth(seed, 5, hour, 3)
  const hm = within(Math.round(60 + 3 * cloud + 20 * smooth(seed, 6, hour, 24) - 3 * daily), 10, 100)
  const ws = within(2 + 2 * smooth(seed, 7, hour, 12) + chance(seed, 8, hour), 0, 20)
  const wd = (Math.floor(chance(seed, 9, Math.floor(hour / 3)) * 36) + 1) * 10
  // Magnus: what the air can hold, and the part it holds.
  const pv = (hm / 100) * 6.112 * Math.exp((17.62 * ta) / (243.12 + ta))
  const td = (243.12 * Math.log(pv / 6.112)) / (17.62 - Math.log(pv / 6.112))
  const ps = 1_016 - 7 * season(at) + 8 * smooth(seed, 10, hour, 60)
  const ground = ta + (sun > 0 ? 4 * sun : -1)
  const soil = (depth: number) => (mean + swing * season(at - depth * DAY)).toFixed(1)
  const flag = (salt: number) => flagOf(seed, salt, hour)
  return {
    tm: kstMinute(at),
    stnId: station,
    stnNm: name,
    ...flagged('ta', ta.toFixed(1), flag(20)),
    ...flagged('rn', rain === 0 ? '' : rain.toFixed(1), ''),
    ...flagged('ws', ws.toFixed(1), flag(21)),
    ...flagged('wd', String(wd), flag(21)),
    ...flagged('hm', String(hm), flag(22)),
    pv: pv.toFixed(1),
    td: td.toFixed(1),
    ...flagged('pa', (ps - 10.2).toFixed(1), ''),
    ...flagged('ps', ps.toFixed(1), ''),
    ...flagged('ss', sun === 0 ? '' : sun.toFixed(1), sun === 0 ? '9' : ''),
    icsr: sun === 0 ? '' : (2.5 * sun).toFixed(2),
    dsnw: '',
    hr3Fhsc: '',
    dc10Tca: String(cloud),
    dc10LmcsCa: String(Math.min(cloud, 8)),
    clfmAbbrCd: cloud > 0 ? 'Sc' : '',
    lcsCh: cloud > 0 ? String(8 + Math.floor(chance(seed, 11, hour) * 10)) : '',
    vs: String(within(Math.round(2_000 - 15 * hm + 400 * smooth(seed, 12, hour, 12)), 50, 2_000)),
    gndSttCd: '',
    dmstMtphNo: '',
    ...flagged('ts', ground.toFixed(1), ''),
    m005Te: soil(2),
    m01Te: soil(4),
    m02Te: soil(8),
    m03Te: soil(14),
  }
}

/** Weather that looks real and is not. The same seed gives the same weather for ever. */
export function generatedSource(seed: number): ObservationSource {
  return {
    name: `generated weather, seed ${seed}`,
    observations({ station, from, to }) {
      const climate = STATIONS[station]
      if (climate === undefined) return []
      const own = hashText(`${seed}/${station}`)
      const found: Observation[] = []
      for (let at = Math.ceil(from / HOUR) * HOUR; at <= to; at += HOUR) found.push(observe(own, station, climate, at))
      return found
    },
  }
}
