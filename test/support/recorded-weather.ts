// The recorded half year of station 108 in the API's words: the portal's CSV has Korean headings, and hours without a leading zero.

import type { Observation } from '../../services/simulated/weather/observation.ts'
import { recordedQuotedCsv } from './recorded.ts'

/** The beginning of a heading, which goes on with its unit, and the API's name. */
const NAMES: readonly (readonly [heading: string, name: string])[] = [
  ['지점', 'stnId'],
  ['일시', 'tm'],
  ['기온', 'ta'],
  ['강수량', 'rn'],
  ['풍속', 'ws'],
  ['풍향', 'wd'],
  ['습도', 'hm'],
  ['증기압', 'pv'],
  ['이슬점온도', 'td'],
  ['현지기압', 'pa'],
  ['해면기압', 'ps'],
  ['일조', 'ss'],
  ['일사', 'icsr'],
  ['적설', 'dsnw'],
  ['3시간신적설', 'hr3Fhsc'],
  ['전운량', 'dc10Tca'],
  ['중하층운량', 'dc10LmcsCa'],
  ['운형', 'clfmAbbrCd'],
  ['최저운고', 'lcsCh'],
  ['시정', 'vs'],
  ['지면상태', 'gndSttCd'],
  ['현상번호', 'dmstMtphNo'],
  ['지면온도', 'ts'],
  ['5cm', 'm005Te'],
  ['10cm', 'm01Te'],
  ['20cm', 'm02Te'],
  ['30cm', 'm03Te'],
]

/** Which the CSV does not have. */
const FLAGS = ['ta', 'rn', 'ws', 'wd', 'hm', 'pa', 'ps', 'ss', 'ts'].map((name) => [`${name}Qcflg`, ''] as const)

const nameOf = (heading: string) => NAMES.find(([begin]) => heading.startsWith(begin))?.[1] ?? heading

/** 4,344 hours, 2021-01-01 to 2021-06-30; of an absent recording: none. */
export function recordedHalfYear(): readonly Observation[] {
  return recordedQuotedCsv('kma_asos', 'asos_hourly_108_2021-01_2021-06.csv').map((row) => {
    const named = Object.fromEntries(Object.entries(row).map(([heading, value]) => [nameOf(heading), value]))
    const tm = (named['tm'] ?? '').replace(/ (\d):/, ' 0$1:')
    return { ...named, tm, stnNm: '서울', ...Object.fromEntries(FLAGS) }
  })
}
