// Small applications for a real Spark: a jar made of SparkJob.java with the JDK, a Python and a SQL file.

import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const PYTHON = `import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("sum", spark.sparkContext.parallelize(range(1, 101), 2).sum())
for argument in sys.argv[1:]:
    print("arg", repr(argument))
spark.stop()
`

const SQL = `create temporary view numbers as select id from range(1, 101);
select concat('sum ', sum(id), ' on \${day}') from numbers;
`

export interface SparkJobs {
  readonly jar: string
  readonly python: string
  readonly sql: string
}

/** @param home SPARK_HOME, whose jars the job is compiled against */
export async function makeSparkJobs(folder: string, home: string): Promise<SparkJobs> {
  const [jar, python, sql] = [join(folder, 'job.jar'), join(folder, 'sum.py'), join(folder, 'sum.sql')]
  const classes = join(folder, 'classes')
  await mkdir(classes)
  await run('javac', [
    '-nowarn',
    '-cp',
    join(home, 'jars', '*'),
    '-d',
    classes,
    join(import.meta.dirname, 'SparkJob.java'),
  ])
  await run('jar', ['cf', jar, '-C', classes, '.'])
  await writeFile(python, PYTHON)
  await writeFile(sql, SQL)
  return { jar, python, sql }
}
