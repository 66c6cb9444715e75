// `baram/operators/doctor`: what is wrong with a system that pipelines use, and how to put it right.

import type { Doctor } from './check.ts'
import { elasticsearchDoctor } from './elasticsearch.ts'
import { hdfsDoctor } from './hdfs.ts'
import { hiveDoctor } from './hive.ts'
import { kafkaDoctor } from './kafka.ts'
import { postgresDoctor } from './postgres.ts'

export type { Check, CheckState, Doctor, DoctorOptions, Fix } from './check.ts'

/** By the system's name, with the connection it looks at unless another is named. */
export const DOCTORS = {
  postgres: { connId: 'postgres_default', doctor: postgresDoctor },
  kafka: { connId: 'kafka_default', doctor: kafkaDoctor },
  hdfs: { connId: 'hdfs_default', doctor: hdfsDoctor },
  hive: { connId: 'hive_default', doctor: hiveDoctor },
  elasticsearch: { connId: 'elasticsearch_default', doctor: elasticsearchDoctor },
} as const satisfies Readonly<Record<string, { readonly connId: string; readonly doctor: Doctor }>>
