// The recorded half year of station 108 in a real Elasticsearch: a document an hour, and rain absent where none was measured.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/index.ts'
import { collectWeather } from '../../pipelines/weather/collect.ts'
import { runInScope } from '../../sdk/context.ts'
import { replaySource } from '../../services/simulated/weather/replay.ts'
import { startWeather } from '../../services/simulated/weather/server.ts'
import { FakeClock } from '../support/clock.ts'
import { madeUpContext, runOf } from '../support/operator-context.ts'
import { onRealServers } from '../support/real-servers.ts'
import { describeRecorded } from '../support/recorded.ts'
import { recordedHalfYear } from '../support/recorded-weather.ts'

const SEOUL = { id: '108', name: '서울' }
const HALF_YEAR = runOf(new Date('2021-01-01T00:00:00+09:00'), new Date('2021-07-01T00:00:00+09:00'))

await onRealServers(['elasticsearch'], ({ elasticsearch }) => {
  describeRecorded('kma_asos', 'the recorded half year of station 108', () => {
    const clock = new FakeClock(Date.parse('2026-01-05T14:10:00+09:00'))
    let weather: Awaited<ReturnType<typeof startWeather>>
    beforeAll(async () => {
      weather = await startWeather({ now: clock.now, source: replaySource(recordedHalfYear()) })
    })
    afterAll(() => weather.close())

    test('is 4,344 documents in Elasticsearch, with rain absent in 3,890; again it changes none', async () => {
      const { hostname: host, port } = new URL(elasticsearch.endpoints['elasticsearch'] ?? '')
      const connections = [{ id: 'elasticsearch_default', type: 'elasticsearch', host, port: Number(port) }]
      const variables = new Map([['weather_simulated_url', weather.url]])
      const index = `weather-${randomUUID()}`
      const op = () => madeUpContext({ embeddedRoot: '/nowhere', connections, variables, run: HALF_YEAR })
      const collect = () => runInScope(op(), () => collectWeather(SEOUL, { index, clock }))
      expect(await collect()).toMatchObject({ documents: 4_344, missing: 0, rejected: 0 })
      expect(await collect()).toMatchObject({ documents: 4_344 })
      const documents = await openDocumentIndex(op())
      try {
        await documents.refresh(index)
        let [all, withoutRain] = [0, 0]
        for await (const batch of documents.export(index)) {
          all += batch.length
          withoutRain += batch.filter(({ source }) => !('precipitation' in source)).length
        }
        expect([all, withoutRain]).toEqual([4_344, 3_890])
      } finally {
        await documents.close()
      }
    })
  })
})
