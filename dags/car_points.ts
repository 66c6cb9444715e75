// Generated points of vehicles in Seoul for car_info: seeded, 1 % with an id that came before and 0.1 % garbage.
//
// 10,000 once; trigger it with params for more. Event time begins at the run's date.

import { Dag, defineParams, getParams, param } from 'baram'
import { produceCars } from 'baram/pipelines/cars'

const params = defineParams({
  points: param(10_000, { type: 'integer', minimum: 0, maximum: 10_000_000, title: 'Points' }),
  seed: param(1, { type: 'integer', title: 'Seed', description: 'The same seed and date make the same points.' }),
  pace: param(0, {
    type: 'number',
    minimum: 0,
    title: 'Points a second',
    description: 'By the wall clock; 0: as fast as the log takes them.',
  }),
})

export const dag = new Dag('car_points', {
  description: 'Generated vehicle points into the topic car_info, each once',
  schedule: '@once',
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  timezone: 'Asia/Seoul',
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['cars'],
  params,
  defaultArgs: { retries: 3, retryDelay: 10 }, // seconds
})

dag.task('produce', () => produceCars(getParams(params)))()
