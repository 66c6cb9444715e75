// An alert as a callback is told it.

import type { Alert } from '../../sdk/index.ts'

export const ALERT: Alert = {
  id: '0193-alert',
  kind: 'failure',
  dagId: 'hello',
  runId: 'scheduled__2026-03-01T00:00:00+00:00',
  taskId: 'load',
  mapIndex: 2,
  tryNumber: 3,
  text: 'hello.load[2] failed: Failed on the last try: a < b.',
  reason: 'Failed on the last try: a < b.',
  logicalDate: new Date('2026-03-01T00:00:00Z'),
  dataInterval: { start: new Date('2026-03-01T00:00:00Z'), end: new Date('2026-03-01T01:00:00Z') },
  timezone: 'Asia/Seoul',
  at: new Date('2026-03-01T01:02:03Z'),
  deadline: null,
  url: 'https://baram.example/dags/hello',
}
