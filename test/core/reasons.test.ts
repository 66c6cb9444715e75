import { expect, test } from 'vitest'
import { describeReason } from '../../core/reasons.ts'

test('a rescheduled sensor says when it pokes again, in the zone of its DAG', () => {
  const reason = { code: 'rescheduled', pokesAt: Date.parse('2024-03-17T23:18:43Z') } as const
  expect(describeReason(reason, 'Asia/Seoul')).toBe('Rescheduled; pokes again at 08:18:43.')
})

test('a reason that an earlier version recorded without its time is told without one', () => {
  expect(describeReason({ code: 'rescheduled' })).toBe('Rescheduled; pokes again later.')
})
