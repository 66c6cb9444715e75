// DBOS on the shared Postgres: a task is a child workflow. Runs in library-host.mjs.

import { median } from '../numbers.mjs'
import { hopsOf } from '../runs.mjs'

export async function open({ load, versions, url, concurrency, sizes }) {
  const { DBOS } = load('@dbos-inc/dbos-sdk')
  let started = []
  const noop = DBOS.registerWorkflow(async () => void started.push(performance.now()), { name: 'noop' })
  const child = async () => (await DBOS.startWorkflow(noop)()).getResult()
  const chain = DBOS.registerWorkflow(
    async () => {
      for (let i = 0; i < sizes.chain; i++) await child()
    },
    { name: 'chain' },
  )
  const fan = DBOS.registerWorkflow(
    async (width) => {
      await child()
      const handles = []
      for (let i = 0; i < width; i++) handles.push(await DBOS.startWorkflow(noop)())
      await Promise.all(handles.map((handle) => handle.getResult()))
      await child()
    },
    { name: 'fan' },
  )
  // It wants a host name; the folder of the socket, a parameter of the address, is what counts.
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url.replace('@/', '@localhost/'), logLevel: 'error' })
  await DBOS.launch()

  const run = async (workflow, ...args) => (await DBOS.startWorkflow(workflow)(...args)).getResult()
  const rate = async (count, work) => {
    const began = performance.now()
    await work()
    return count / ((performance.now() - began) / 1000)
  }
  const inProcess = 'child workflows, which run in the process of their parent'
  return {
    about:
      `${versions['@dbos-inc/dbos-sdk']}, its defaults, one process; ` +
      "a task is a workflow: it runs in the caller's process, or through a queue that is polled",
    notes: {
      hop: `${inProcess}; chain of ${sizes.chain}`,
      fan: inProcess,
      smallFan: inProcess,
      sustained: `${sizes.sustained} workflows, without a queue: ${concurrency} in flight by the caller`,
    },
    measures: {
      async hop() {
        started = []
        await run(chain)
        return median(hopsOf(started))
      },
      fan: () => rate(1002, () => run(fan, 1000)),
      smallFan: () => rate(52, () => run(fan, 50)),
      sustained: () =>
        rate(sizes.sustained, async () => {
          let left = sizes.sustained
          const lane = async () => {
            while (left-- > 0) await run(noop)
          }
          await Promise.all(Array.from({ length: concurrency }, lane))
        }),
      async trigger() {
        started = []
        const began = performance.now()
        await run(noop)
        return started[0] - began
      },
    },
    close: () => DBOS.shutdown(),
  }
}
