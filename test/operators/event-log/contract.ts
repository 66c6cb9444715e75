// What every event log adapter must do. Run it with a factory: files, and a real Kafka.

import { describe } from 'vitest'
import { describeConsumers } from './contract/consumers.ts'
import { describeRecords } from './contract/records.ts'
import { describeReplays } from './contract/replays.ts'
import { type OpenEventLog, useEventLog } from './contract/subject.ts'
import { describeTopics } from './contract/topics.ts'
import { describeTransactions } from './contract/transactions.ts'
import { describeWindows } from './contract/windows.ts'

/** @param idleMs after so long without a record all is taken to be read: 0 where a look is enough, more over a network */
export function eventLogContract(name: string, open: OpenEventLog, idleMs = 0): void {
  describe(`the event log contract on ${name}`, () => {
    const subject = useEventLog(open, idleMs)
    describeRecords(subject)
    describeTopics(subject)
    describeConsumers(subject)
    describeTransactions(subject)
    describeReplays(subject)
    describeWindows(subject)
  })
}
