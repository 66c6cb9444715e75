// What a log remembers of the brokers' answers, and for how long.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { KafkaBroker } from '../../../operators/event-log/kafka-client.ts'
import { FirstAnswer, rememberCoordinators } from '../../../operators/event-log/kafka-cluster.ts'
import { together } from '../../../operators/event-log/together.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

const brokerOf = (nodeId: number) => ({ nodeId }) as KafkaBroker

/** A cluster whose coordinator is broker 1, then 2, then 3. */
function clusterOf() {
  let asked = 0
  const cluster = {
    findGroupCoordinator: async (_: { groupId: string; coordinatorType?: 0 | 1 }) => {
      asked += 1
      return brokerOf(asked)
    },
    findBroker: vi.fn(async ({ nodeId }: { nodeId: string }) => brokerOf(Number(nodeId))),
  }
  rememberCoordinators(cluster)
  const find = async (groupId: string, coordinatorType: 0 | 1 = 0) =>
    (await cluster.findGroupCoordinator({ groupId, coordinatorType })).nodeId
  return { cluster, find }
}

describe('a coordinator', () => {
  test('is asked for once in a moment, for each group and transactional id', async () => {
    const { find } = clusterOf()
    expect([await find('a'), await find('a'), await find('b'), await find('a', 1), await find('a')]).toEqual([
      1, 1, 2, 3, 1,
    ])
  })

  test('is asked for anew after the moment', async () => {
    const { find } = clusterOf()
    expect(await find('a')).toBe(1)
    vi.advanceTimersByTime(1_000)
    expect(await find('a')).toBe(2)
  })

  test('that cannot be reached is asked for anew', async () => {
    const { cluster, find } = clusterOf()
    expect(await find('a')).toBe(1)
    cluster.findBroker.mockRejectedValueOnce(new Error('gone'))
    expect(await find('a')).toBe(2)
  })
})

describe('the first answer of the brokers', () => {
  const answer = () => {
    const targetTopics = new Set<string>()
    const topicMetadata = [{ topic: 'cars', partitionMetadata: [0, 1, 2] }]
    const first = new FirstAnswer({ targetTopics, brokerPool: { metadata: { brokers: [], topicMetadata } } })
    return { first, targetTopics }
  }

  test('tells of a topic once, which is kept up to date from then on', () => {
    const { first, targetTopics } = answer()
    expect([first.take('cars'), first.take('cars'), first.take('others')]).toEqual([3, undefined, undefined])
    expect([...targetTopics]).toEqual(['cars'])
  })

  test('is not believed after a moment', () => {
    const { first, targetTopics } = answer()
    vi.advanceTimersByTime(1_000)
    expect(first.take('cars')).toBeUndefined()
    expect(targetTopics.size).toBe(0)
  })
})

test('work done together waits for all of it, also when one fails', async () => {
  let isOver = false
  let resolve = (_: string) => {}
  const promise = new Promise<string>((settle) => {
    resolve = settle
  })
  const both = together([promise, Promise.reject(new Error('refused'))]).finally(() => {
    isOver = true
  })
  await new Promise((next) => setImmediate(next))
  expect(isOver).toBe(false)
  resolve('late')
  await expect(both).rejects.toThrow('refused')
  expect(await together([Promise.resolve(1), Promise.resolve('a')])).toEqual([1, 'a'])
})
