// Generated points into the topic, each once however often the task is killed.

import { systemClock } from '../../operators/clock.ts'
import { type EventLog, openEventLog, openReplay } from '../../operators/event-log/index.ts'
import { FailTask, getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
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

const BATCH = 5_000

function checkCount(name: string, value: number, least: number): void {
  if (!Number.isFinite(value) || value < least) throw new FailTask(`${name} must be ${least} or more, found ${value}`)
}

/** Event time begins at the run's date: never at the clock's. */
function planOf(op: OperatorContext, { seed = 1, cars = 50, perSecond = 1 }: ProduceCars): CarPlan {
  checkCount('cars', cars, 1)
  checkCount('per_second', perSecond, 0.001)
  return { seed, cars: Math.floor(cars), perSecond, start: (op.run.logicalDate ?? op.run.runAfter).getTime() }
}

interface Work {
  readonly op: OperatorContext
  readonly log: EventLog
  readonly topic: string
  readonly plan: CarPlan
  readonly points: number
  readonly pace: number
}

function recordsOf(plan: CarPlan, from: number, to: number) {
  return Array.from({ length: to - from }, (_, i) => {
    const { key, value } = generateCar(plan, from + i)
    return { key, value }
  })
}

async function produce({ op, log, topic, plan, points, pace }: Work): Promise<void> {
  const id = `car_points/${topic}/${[plan.seed, plan.start, plan.cars, plan.perSecond].join('-')}`
  const work = await openReplay(log, { id, topic })
  const batch = pace > 0 ? Math.max(1, Math.min(BATCH, Math.floor(pace))) : BATCH
  const [begin, startedAt] = [work.position, performance.now()]
  try {
    while (work.position < points) {
      op.signal.throwIfAborted()
      const [from, to] = [work.position, Math.min(work.position + batch, points)]
      await work.append([{ topic, records: recordsOf(plan, from, to) }], to)
      const due = pace > 0 ? startedAt + ((to - begin) / pace) * 1_000 - performance.now() : 0
      if (due > 0) await systemClock.sleep(due, op.signal)
    }
  } finally {
    await work.close()
  }
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
    await produce({ op, log, topic, plan, points: Math.floor(points), pace })
  } finally {
    await log.close()
  }
  await op.record({ kind: 'event_log', target: `${topic} (generated)`, rowsRead: points, rowsWritten: points })
  op.log.info({ topic, points, ...plan }, 'generated points are in the topic')
  return { topic, points }
}
