// Days as the daily service writes them, made of the hours of the hourly one: both tell of the same weather.

import { DAY, HOUR, hourAt, type Observation, startOfDay } from './observation.ts'

const hourOf = ({ tm = '' }: Observation): number =>
  hourAt(tm.slice(0, 10).replaceAll('-', ''), tm.slice(11, 13)) ?? Number.NaN

interface Value {
  readonly value: number
  /** `1500` */
  readonly time: string
}

/** What was measured in these hours, without what is missing or flagged as wrong. */
const valuesOf = (hours: readonly Observation[], name: string): readonly Value[] =>
  hours.flatMap((hour) => {
    const text = hour[name] ?? ''
    return text === '' || hour[`${name}Qcflg`] === '1'
      ? []
      : [{ value: Number(text), time: (hour['tm'] ?? '').slice(11).replace(':', '') }]
  })

const sum = (values: readonly Value[]): number => values.reduce((all, { value }) => all + value, 0)
const text = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(1))

function extreme(values: readonly Value[], isMore: (a: number, b: number) => boolean): Value | undefined {
  return values.reduce<Value | undefined>(
    (found, value) => (found === undefined || isMore(value.value, found.value) ? value : found),
    undefined,
  )
}
const least = (values: readonly Value[]) => extreme(values, (a, b) => a < b)
const most = (values: readonly Value[]) => extreme(values, (a, b) => a > b)

function dayOf(hours: readonly Observation[], day: string): Observation {
  const of = (name: string) => valuesOf(hours, name)
  const mean = (name: string) => (of(name).length === 0 ? '' : text(sum(of(name)) / of(name).length))
  const total = (name: string) => (of(name).length === 0 ? '' : text(sum(of(name))))
  const gust = most(of('ws'))?.value
  const [coldest, warmest, wettest, driest] = [least(of('ta')), most(of('ta')), most(of('rn')), least(of('hm'))]
  return {
    stnId: hours[0]?.['stnId'] ?? '',
    stnNm: hours[0]?.['stnNm'] ?? '',
    tm: day,
    avgTa: mean('ta'),
    minTa: text(coldest?.value),
    minTaHrmt: coldest?.time ?? '',
    maxTa: text(warmest?.value),
    maxTaHrmt: warmest?.time ?? '',
    hr1MaxRn: text(wettest?.value),
    hr1MaxRnHrmt: wettest?.time ?? '',
    sumRnDur: of('rn').length === 0 ? '' : text(of('rn').length),
    sumRn: total('rn'),
    maxInsWs: text(gust === undefined ? undefined : gust * 1.6),
    maxWs: text(gust),
    avgWs: mean('ws'),
    avgTd: mean('td'),
    minRhm: text(driest?.value),
    minRhmHrmt: driest?.time ?? '',
    avgRhm: mean('hm'),
    avgPv: mean('pv'),
    avgPa: mean('pa'),
    avgPs: mean('ps'),
    ssDur: '12.0',
    sumSsHr: total('ss') || '0.0',
    sumGsr: total('icsr'),
    ddMes: total('dsnw'),
    avgTca: mean('dc10Tca'),
    avgLmac: mean('dc10LmcsCa'),
    avgTs: mean('ts'),
    minTg: text(least(of('ts'))?.value),
    avgCm5Te: mean('m005Te'),
    avgCm10Te: mean('m01Te'),
    avgCm20Te: mean('m02Te'),
    avgCm30Te: mean('m03Te'),
  }
}

/** The days of these hours. A day whose last hour has not come is none: it is served once it is over. */
export function daysOf(hours: readonly Observation[]): readonly Observation[] {
  const days = new Map<number, Observation[]>()
  for (const hour of hours) {
    const day = startOfDay(hourOf(hour))
    const found = days.get(day)
    if (found === undefined) days.set(day, [hour])
    else found.push(hour)
  }
  return [...days].flatMap(([day, found]) => {
    const isOver = found.some((hour) => hourOf(hour) === day + DAY - HOUR)
    return isOver ? [dayOf(found, found[0]?.['tm']?.slice(0, 10) ?? '')] : []
  })
}
