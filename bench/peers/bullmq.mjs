// BullMQ on a Redis that writes and flushes each command (AOF always). Runs in library-host.mjs.

import { median } from '../numbers.mjs'
import { hopsOf } from '../runs.mjs'

const NO_ROOT = 'no root: a flow is a tree, in which a child has one parent'

/** A job whose child is the job before it, and so on. */
const chainOf = (queueName, length) =>
  Array.from({ length }).reduce(
    (before, _, i) => ({ name: `t${i}`, queueName, ...(before === undefined ? {} : { children: [before] }) }),
    undefined,
  )

export async function open({ load, versions, redisPort, concurrency, sizes }) {
  const { FlowProducer, Queue, Worker } = load('bullmq')
  const connection = { host: '127.0.0.1', port: redisPort, maxRetriesPerRequest: null }
  const queueName = 'bench'
  const queue = new Queue(queueName, { connection })
  const flows = new FlowProducer({ connection })
  let started = []
  let completed = () => {}
  const worker = new Worker(queueName, async () => void started.push(performance.now()), { connection, concurrency })
  worker.on('completed', () => completed())
  await worker.waitUntilReady()

  /** Adds by `add` and waits for the completion of `count` jobs; ms. */
  async function run(count, add) {
    started = []
    let left = count
    const through = new Promise((resolve) => {
      completed = () => {
        left -= 1
        if (left === 0) resolve()
      }
    })
    const began = performance.now()
    await add()
    await through
    return { began, ms: performance.now() - began }
  }
  const fan = async (width) => {
    const children = Array.from({ length: width }, (_, i) => ({ name: `t${i}`, queueName }))
    const { ms } = await run(width + 1, () => flows.add({ name: 'join', queueName, children }))
    return (width + 1) / (ms / 1000)
  }
  return {
    about: `${versions.bullmq}, concurrency ${concurrency}, one process; Redis with appendonly yes, appendfsync always`,
    notes: {
      hop: `FlowProducer, chain of ${sizes.chain}`,
      fan: NO_ROOT,
      smallFan: NO_ROOT,
      sustained: `${sizes.sustained} jobs by addBulk`,
    },
    measures: {
      async hop() {
        await run(sizes.chain, () => flows.add(chainOf(queueName, sizes.chain)))
        return median(hopsOf(started))
      },
      fan: () => fan(1000),
      smallFan: () => fan(50),
      async sustained() {
        const jobs = Array.from({ length: sizes.sustained }, (_, i) => ({ name: `t${i}` }))
        return sizes.sustained / ((await run(sizes.sustained, () => queue.addBulk(jobs))).ms / 1000)
      },
      async trigger() {
        const { began } = await run(1, () => queue.add('one', {}))
        return started[0] - began
      },
    },
    async close() {
      await worker.close()
      await flows.close()
      await queue.close()
    },
  }
}
