// Options that are misspelled, of a wrong type or out of range.

import { inDag, type Mistake } from './mistake.ts'

const option = (name: string, line: string, says: string, code = 'DAG_INVALID'): Mistake => ({
  name,
  code,
  line: 4,
  says,
  text: `import { Dag } from 'baram'\nexport const dag = new Dag('$id')\ndag.task('a', () => 1, {\n  ${line},\n})()\n`,
})
const ofDag = (name: string, line: string, says: string, code = 'DAG_INVALID', names = ''): Mistake => ({
  name,
  code,
  line: 3,
  says,
  text: `import { Dag${names} } from 'baram'\nexport const dag = new Dag('$id', {\n  ${line},\n})\ndag.task('a', () => 1)()\n`,
})

export const OPTION_MISTAKES: readonly Mistake[] = [
  option('a misspelled option of a task', 'retrys: 3', 'did you mean "retries"?'),
  option('an option in Python’s spelling', 'retry_delay: 30', 'did you mean "retryDelay"?'),
  option('negative retries', 'retries: -1', 'at least 0, found -1'),
  option('retries that are no whole number', 'retries: 1.5', 'whole number of at least 0'),
  option('a retry delay as text', "retryDelay: '30s'", 'must be a finite number, found string'),
  option('a negative retry delay', 'retryDelay: -5', 'at least 0'),
  option('a time limit of zero', 'executionTimeout: 0', 'more than 0 seconds'),
  option('an unknown trigger rule', "triggerRule: 'all_succes'", 'the rules are all_success'),
  option('an unknown weight rule', "weightRule: 'heavy'", 'the rules are downstream, upstream, absolute'),
  option('no slots of a pool', 'poolSlots: 0', 'at least 1'),
  option('a priority as text', "priorityWeight: 'high'", 'must be a finite number'),
  option('an isolation that does not exist', "isolate: 'container'", "can only be 'process'"),
  option('a flag as text', "dependsOnPast: 'yes'", 'must be true or false'),
  option('a misspelled mapIndexTemplate', "mapIndexTemplat: '{{args.x}}'", 'did you mean "mapIndexTemplate"?'),
  option('a pool that nobody has', "pool: 'gpu'", 'there is no pool "gpu"', 'POOL_UNKNOWN'),
  option('an unknown queue type', 'queue: 5', 'must be text'),
  ofDag('a misspelled option of a DAG', "scheduled: '@daily'", 'did you mean "schedule"?'),
  ofDag('a start date as text', "startDate: '2026-01-01'", 'must be a valid Date, found string'),
  ofDag('an invalid start date', "startDate: new Date('2026-13-01')", 'found an invalid Date'),
  ofDag('a cron of four fields', "schedule: '0 6 * *'", '0 6 * *'),
  ofDag('a cron of seven fields', "schedule: '0 0 6 * * * 2026'", '0 0 6 * * * 2026'),
  ofDag('a cron out of range', "schedule: '0 25 * * *'", '0 25 * * *'),
  ofDag('prose as a schedule', "schedule: 'every tuesday'", 'every tuesday'),
  ofDag('an unknown preset', "schedule: '@midnight'", '@midnight'),
  ofDag('a bad cron in cron(…)', "schedule: cron('0 6 * * MOO')", 'MOO', 'SCHEDULE_INVALID', ', cron'),
  ofDag(
    'an unknown time zone in cron(…)',
    "schedule: cron('0 6 * * *', { timezone: 'Asia/Soul' })",
    'Asia/Soul',
    'DAG_INVALID',
    ', cron',
  ),
  ofDag('an unknown time zone', "timezone: 'Seoul'", 'use an IANA name'),
  ofDag('a span of nothing', 'schedule: every({ hours: 0 })', 'every', 'SCHEDULE_INVALID', ', every'),
  ofDag('catchup without a start', "schedule: '@daily', catchup: true", 'catchup needs a startDate'),
  ofDag('tags as one text', "tags: 'daily'", 'an array of strings'),
  ofDag('no active runs', 'maxActiveRuns: 0', 'at least 1'),
  ofDag('a misspelled default argument', 'defaultArgs: { retrys: 1 }', 'did you mean "retries"?'),
  ofDag('a default of a wrong type', "defaultArgs: { retries: 'three' }", 'must be a finite number'),
  ofDag(
    'a param that breaks its own schema',
    "params: { n: param('x', { type: 'integer' }) }",
    'integer',
    'DAG_INVALID',
    ', param',
  ),
  {
    name: 'a rule that failing fast forbids',
    code: 'DAG_INVALID',
    line: 3,
    says: 'only tasks of trigger rule all_success',
    text: `import { Dag } from 'baram'\nexport const dag = new Dag('$id', { failFast: true })\ndag.task('a', () => 1, { triggerRule: 'all_done' })()\n`,
  },
  {
    name: 'an operator without a required option',
    code: 'TS2345',
    line: 3,
    says: "Property 'bashCommand' is missing",
    text: `import { Dag } from 'baram'\nimport { bash } from 'baram/operators'\nexport const dag = new Dag('$id'); dag.task('a', bash({}))()\n`,
  },
  {
    name: 'a connection option of a wrong type',
    code: 'TS2322',
    line: 4,
    says: "'number' is not assignable to type 'string'",
    text:
      `import { Dag } from 'baram'\nimport { postgres } from 'baram/operators'\nexport const dag = new ` +
      `Dag('$id')\ndag.task('a', postgres({ sql: 'select 1', postgresConnId: 5 }))()\n`,
  },
  {
    name: 'a sensor’s time limit as text',
    code: 'DAG_INVALID',
    line: 3,
    says: 'must be a number of seconds',
    text: inDag('sensor', `dag.task('there', sensor({ poke: () => true, timeout: '1h' }))()`),
  },
  {
    name: 'a sensor in an unknown mode',
    code: 'DAG_INVALID',
    line: 3,
    says: 'mode is poke, reschedule or defer',
    text: inDag('sensor', `dag.task('there', sensor({ poke: () => true, mode: 'wait' }))()`),
  },
]
