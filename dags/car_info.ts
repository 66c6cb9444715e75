// Points of connected vehicles, as a stream: topic → Postgres by id, and → Parquet in the lake by hour of event time.
//
// A run is one window of the topic; the next begins when it has ended. Both sinks have a window before its offset moves, so a kill, a
// restart or a lost worker loses and doubles nothing. What is no point goes to the topic car_info.dlq with the reason.
// Without connections it reads the event log of this host, which car_points fills with generated points.

import { Dag, deadlineAlert } from 'baram'
import { onCall } from 'baram/pipelines/alerts'
import { collectCars } from 'baram/pipelines/cars'

export const dag = new Dag('car_info', {
  description: 'Unpaused, it reads car_info without end: windows of up to 10,000 points into Postgres and the lake',
  schedule: '@continuous',
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  timezone: 'Asia/Seoul',
  isPausedUponCreation: true, // it never ends: npm start stays light
  tags: ['cars', 'stream'],
  deadline: deadlineAlert({ reference: 'last_success', interval: 15 * 60, callback: onCall }), // seconds: it stalls
  defaultArgs: { retries: 3, retryDelay: 10 }, // seconds
})

// Ends after 10,000 records or 10 seconds. While the stream is idle the task is rescheduled, and polls again within a minute.
dag.task('collect', () => collectCars({ until: { records: 10_000, seconds: 10 } }))()
