// Generated points into the topic, each once however often the task is killed.

import { type NewRecord, openEventLog } from '../../operators/event-log/index.ts'
import { getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { checkCount, produceGenerated } from '../produce-generated.ts'
import { CAR_TOPIC, CAR_TOPIC_OPTIONS } from './consume.ts'
import { type CarPlan, generateCar } from './generate.ts'

export interface ProduceCars {
  /** Default 10,000. */
  readonly points?: number
  /** Default 1. Another seed makes other vehicles. */
  readonly seed?: number
  /** Vehicles. Default 50. */
  readonly cars?: number
  /** Points a second of event time. Default 1: 10,000 are almost three hours. */
  readonly perSecond?: number
  /** Points a second by the wall clock; 0 (default) = as fast as the log takes them. */
  readonly pace?: number
  /** Default `car_info`. */
  readonly topic?: string
  /** Default `kafka_default`; without it the embedded event log. */
  readonly connId?: string
}

export type ProducedCars = {
  readonly topic: string
  /** Records that are in the topic now, of this plan. */
  readonly points: number
}

/** Event time begins at the run's date: never at the clock's. */
function planOf(op: OperatorContext, { seed = 1, cars = 50, perSecond = 1 }: ProduceCars): CarPlan {
  checkCount('cars', cars, 1)
  checkCount('per_second', perSecond, 0.001)
  return { seed, cars: Math.floor(cars), perSecond, start: (op.run.logicalDate ?? op.run.runAfter).getTime() }
}

const recordOf = (plan: CarPlan, n: number): NewRecord => {
  const { key, value } = generateCar(plan, n)
  return { key, value }
}

/** Puts generated points into the topic. The same run again appends nothing. Call it inside a task. */
export async function produceCars(options: ProduceCars = {}): Promise<ProducedCars> {
  const op = getOperatorContext('produceCars')
  const { points = 10_000, pace = 0, topic = CAR_TOPIC, connId } = options
  checkCount('points', points, 0)
  checkCount('pace', pace, 0)
  const plan = planOf(op, options)
  const log = await openEventLog(op, connId)
  try {
    await log.ensureTopic(topic, CAR_TOPIC_OPTIONS)
    const id = `car_points/${topic}/${[plan.seed, plan.start, plan.cars, plan.perSecond].join('-')}`
    const records = (n: number) => [recordOf(plan, n)]
    await produceGenerated({ op, log, topic, id, count: Math.floor(points), pace, records })
  } finally {
    await log.close()
  }
  await op.record({ kind: 'event_log', target: `${topic} (generated)`, rowsRead: points, rowsWritten: points })
  op.log.info({ topic, points, ...plan }, 'generated points are in the topic')
  return { topic, points }
}
