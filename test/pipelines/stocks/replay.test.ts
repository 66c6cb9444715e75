// What a replay puts into a topic when an earlier one had batches of another size.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEventLog, openReplay } from '../../../operators/event-log/index.ts'
import { replayStocks } from '../../../pipelines/stocks/replay.ts'
import { runInScope } from '../../../sdk/context.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

const ROWS = 300

test('a replay goes on behind the rows of an earlier version, whose batches were smaller', async () => {
  const root = await temporaryFolder()
  const path = join(root, 'history.csv')
  const rows = Array.from({ length: ROWS }, (_, i) => `${String(i).padStart(6, '0')},name ${i},${i},${i},1,2020-01-02`)
  await writeFile(path, `Code,Name,Close,Marcap,Rank,Date\n${rows.join('\n')}\n`)
  const extra = JSON.stringify({ path })
  const op = madeUpContext({ embeddedRoot: root, connections: [{ id: 'stocks_default', type: 'file', extra }] })
  const { replay } = await runInScope(op, () => replayStocks({ topic: 'other' }))

  const log = await openEventLog(op)
  await log.ensureTopic('stocks', { partitions: 3 })
  const earlier = await openReplay(log, { id: `stock_replay/stocks/${replay}`, topic: 'stocks' })
  await earlier.append([{ topic: 'stocks', records: [{ key: '000000', value: 'the first hundred' }] }], 100)
  await earlier.close()
  const replayed = await runInScope(op, () => replayStocks({ topic: 'stocks' }))
  const there = (await log.offsets('stocks')).reduce((sum, { end }) => sum + end, 0)
  await log.close()

  expect(replayed).toMatchObject({ replay, rows: ROWS, accepted: ROWS })
  expect(there).toBe(1 + ROWS - 100)
})
