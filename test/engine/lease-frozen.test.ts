// A lease that cannot be renewed is given up by its own holder (docs/reliability.md rules 8 and 9).

import { expect, test } from 'vitest'
import { Lease } from '../../engine/process/lease.ts'
import type { Sql } from '../../store/sql.ts'
import { quietLog } from '../support/engine.ts'

/** A database that renews whatever it is asked. */
const willing: Sql = {
  async query<Row>() {
    return { rows: [{ id: 1, now: Date.now(), alive: true }] as Row[], rowCount: 1 }
  },
}

test('a process that was frozen beyond the fence gives up at its first look, whatever the server says to it then', async () => {
  const lost = await new Promise<string>((resolve, reject) => {
    const taken = Lease.take({
      ...{
        jobType: 'WorkerJob',
        info: {},
        heartbeatMs: 50,
        leaseMs: 500,
        log: quietLog,
        session: 's',
        outageMs: 60_000,
      },
      sql: () => willing,
      // Its sessions were ended in its absence: read before any timer comes round, it looks like a server that is down.
      lastDownAt: () => performance.now(),
      onLost: resolve,
    })
    // Nothing of this thread runs meanwhile: the fence is at 300 ms.
    taken.then(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 450), reject)
  })
  expect(lost).toMatch(/^this process stood still for \d+ ms$/)
})
