// Replays 0 … 99 into a topic in transactions, and kills itself at the n-th step. Run as a process.

import { EmbeddedEventLog } from '../../../operators/event-log/embedded.ts'
import { openReplay } from '../../../operators/event-log/replay.ts'

const [root = '', deadly = ''] = process.argv.slice(2)
let steps = 0
const log = new EmbeddedEventLog(root, {
  step: () => {
    steps += 1
    if (steps === Number(deadly)) process.kill(process.pid, 'SIGKILL')
  },
})
await log.ensureTopic('numbers', { partitions: 2 })
const replay = await openReplay(log, { id: 'work', topic: 'numbers' })
for (let position = replay.position; position < 100; position += 50) {
  const records = Array.from({ length: 50 }, (_, i) => ({ key: `k${(position + i) % 7}`, value: String(position + i) }))
  await replay.append([{ topic: 'numbers', records }], position + 50)
}
await replay.close()
await log.close()
process.stdout.write(`${steps}`)
