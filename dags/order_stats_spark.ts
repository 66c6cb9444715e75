// The windows of order_stats on Apache Spark: a Structured Streaming job from Kafka to Kafka, and whether it finds the same.
//
// Where one machine is not enough, the counting moves to a cluster and the DAG stays. It needs the connections `kafka_default` and
// `spark_default`; the job reads what is new, keeps its checkpoint in the lake, and ends.

import { Dag, defineParams, getParams, param } from 'baram'
import { sparkSubmit } from 'baram/operators'
import { compareSpark, ORDER_WINDOWS_JOB, planSpark, type SparkPlan } from 'baram/pipelines/orders'

const params = defineParams({
  checkpoint: param('', {
    type: 'string',
    title: 'Checkpoint',
    description: 'Such as hdfs://nn1:8020/shop/_checkpoint',
  }),
  packages: param('org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.3', { type: 'string', title: 'Packages' }),
})

export const dag = new Dag('order_stats_spark', {
  description: 'Unpaused, it has Spark count the orders of Kafka every hour, and compares with order_stats',
  schedule: '@hourly',
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  timezone: 'Asia/Seoul',
  catchup: false,
  isPausedUponCreation: true, // it needs a Kafka and a Spark
  maxActiveRuns: 1,
  tags: ['orders', 'spark'],
  params,
  defaultArgs: { retries: 2, retryDelay: 60 }, // seconds
})

const plan = dag.task('plan', () => planSpark({ checkpoint: getParams(params).checkpoint }))()
const count = dag.task(
  'count',
  sparkSubmit<{ plan: SparkPlan }>({
    application: ORDER_WINDOWS_JOB,
    packages: '{{params.packages}}',
    applicationArgs: [
      ...['--bootstrap', '{{args.plan.bootstrap}}', '--topic', '{{args.plan.topic}}'],
      ...['--results', '{{args.plan.results}}', '--checkpoint', '{{args.plan.checkpoint}}'],
    ],
  }),
)({ plan })
dag
  .task('compare', (given: { plan: SparkPlan }) => compareSpark(given.plan))({ plan })
  .after(count)
