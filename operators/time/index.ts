// `baram/operators/time`: waiting for times, dates and days.

export { type DayOfWeekSensorOptions, dayOfWeekSensor, type WeekDay } from './day-of-week.ts'
export {
  type DateTimeSensorOptions,
  dateTimeSensor,
  type TimeDeltaSensorOptions,
  type TimeSensorOptions,
  timeDeltaSensor,
  timeSensor,
} from './sensors.ts'
export type { DateWaitOptions } from './wait-until.ts'
