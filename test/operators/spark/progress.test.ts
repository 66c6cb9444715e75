// Progress of a driver that is made up: only the driver of this attempt is believed, and lines are told when something has changed.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { MARK, ProgressWatch, summaryOf } from '../../../operators/spark/progress.ts'
import { WorkerLog } from '../../../operators/spark/worker-log.ts'
import { madeUpContext } from '../../support/operator-context.ts'

let server: Server | undefined
afterEach(() => void server?.close().closeAllConnections())

async function serve(answer: (url: URL) => string): Promise<string> {
  server = createServer((request, response) => response.end(answer(new URL(request.url ?? '', 'http://x'))))
  const listening = server
  await new Promise<void>((resolve) => void listening.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

const stage = (stageId: number, status: string, numCompleteTasks: number) => ({
  ...{ stageId, status, name: `collect at job.py:${stageId}`, numTasks: 4, numCompleteTasks, numFailedTasks: 0 },
  ...{ inputRecords: 10, inputBytes: 100, outputRecords: 5, outputBytes: 50 },
})

function driver(mark: string, stages: () => readonly object[]) {
  return serve(({ pathname }) => {
    if (pathname.endsWith('/applications')) return JSON.stringify([{ id: 'app-1' }])
    if (pathname.endsWith('/environment'))
      return JSON.stringify({
        sparkProperties: [
          ['x', 'y'],
          [MARK, mark],
        ],
      })
    return JSON.stringify(pathname.endsWith('/jobs') ? [{ jobId: 0 }] : stages())
  })
}

describe('progress', () => {
  test('is told when a stage is done, and stages that Spark skipped do not count', async () => {
    let stages = [stage(1, 'ACTIVE', 0), stage(0, 'SKIPPED', 0)]
    const url = await driver('mine', () => stages)
    const op = madeUpContext({ embeddedRoot: '/' })
    const watch = new ProgressWatch(op.log, 'mine')
    await watch.look(url)
    await watch.look(url)
    stages = [stage(1, 'COMPLETE', 4), stage(2, 'ACTIVE', 1)]
    await watch.look(url)
    expect(op.lines.map((line) => line.message)).toEqual([
      '0 of 1 stages, 0 of 4 tasks done',
      '1 of 2 stages, 5 of 8 tasks done',
    ])
    expect(watch.last?.applicationId).toBe('app-1')
    expect(watch.last === null ? null : summaryOf(watch.last)).toMatchObject({ inputRows: 20, outputRows: 10, jobs: 1 })
  })

  test('of another attempt’s driver on the port is not believed', async () => {
    const url = await driver('theirs', () => [stage(0, 'ACTIVE', 1)])
    const watch = new ProgressWatch(madeUpContext({ embeddedRoot: '/' }).log, 'mine')
    await watch.look(url)
    expect(watch.last).toBeNull()
  })

  test.each(['', 'null', '{"a": 1}', '[{"id": "../../x"}]', '[[]]'])(
    'of an answer such as %j is none',
    async (answer) => {
      const url = await serve(() => answer)
      const watch = new ProgressWatch(madeUpContext({ embeddedRoot: '/' }).log, 'mine')
      await watch.look(url)
      expect(watch.last).toBeNull()
    },
  )
})

describe('the output of a driver on a worker', () => {
  test('comes line by line as it grows, a character that was cut in two and a last line without an end included', async () => {
    let output = Buffer.from('하나\n두')
    const url = await serve(({ searchParams }) => {
      if (searchParams.get('logType') === 'stdout') return 'Error: Log directory not found'
      const offset = Number(searchParams.get('offset'))
      const end = Math.min(output.length, offset + Number(searchParams.get('byteLength')))
      return `==== Bytes ${offset}-${end} of ${output.length} of /work/stderr ====\n${output.subarray(offset, end).toString('utf8')}`
    })
    const told: string[] = []
    const log = new WorkerLog('driver-1', (line) => told.push(line))
    output = output.subarray(0, 8)
    await log.read(url, false)
    expect(told).toEqual(['하나'])
    output = Buffer.from(`하나\n둘\n${'x'.repeat(70_000)}\n셋`)
    await log.read(url, false)
    await log.read(url, true)
    expect([told[1], told.slice(2, -1).join(''), told.at(-1)]).toEqual(['둘', 'x'.repeat(70_000), '셋'])
  })
})
