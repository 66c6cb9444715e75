// The mart on demand: chosen hours of gmarket.best into a Postgres table, or into a CSV file of the lake.
//
// Trigger it with the form. The same hours again change nothing: rows are found by (slot, category, rank).

import { Dag, defineParams, getParams, param } from 'baram'
import { fillMart, GMARKET_CATEGORIES } from 'baram/pipelines/gmarket'

const params = defineParams({
  from: param<string | null>(null, {
    type: ['string', 'null'],
    format: 'date-time',
    title: 'From',
    description: 'First hour, such as 2026-01-05T09:00:00+09:00. Empty: the newest hour that is there.',
  }),
  hours: param(1, { type: 'integer', minimum: 1, maximum: 8784, title: 'Hours' }),
  categories: param<string[]>([], {
    type: 'array',
    items: { type: 'string', enum: GMARKET_CATEGORIES.map((category) => category.label) },
    title: 'Categories',
    description: 'None chosen: all twelve.',
  }),
  target: param('Postgres table', {
    type: 'string',
    enum: ['Postgres table', 'CSV file'],
    title: 'Target',
  }),
  table: param('dm_gmarket', { type: 'string', pattern: '^[a-z_][a-z0-9_]*$', title: 'Table' }),
  allow_gaps: param(false, { type: 'boolean', title: 'Allow gaps', description: 'Go on when an hour is missing.' }),
})

export const dag = new Dag('gmarket_mart', {
  description: 'Hours of the best 100 into Postgres or a CSV file, when you ask for it',
  timezone: 'Asia/Seoul',
  isPausedUponCreation: false,
  tags: ['gmarket'],
  params,
  defaultArgs: { retries: 2, retryDelay: 30 },
})

dag.task('fill_mart', () => {
  const { allow_gaps: allowGaps, ...request } = getParams(params)
  return fillMart({ ...request, allowGaps })
})()
