// `sparkSubmit` on a real standalone cluster: what runs, how ends are told apart, and that a cancelled attempt leaves nothing running.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SparkSubmitOptions } from '../../operators/spark/options.ts'
import { sparkSubmitWith } from '../../operators/spark/spark-submit.ts'
import { waitUntil } from '../../runtime/processes.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { onRealServers } from '../support/real-servers.ts'
import { makeSparkJobs, type SparkJobs } from '../support/spark/jobs.ts'

const like = (pattern: RegExp): unknown => expect.stringMatching(pattern)

/** Small JVMs, started fast: the two cores are shared by driver, executor, master and worker. */
const QUICK = '-XX:+UseSerialGC -XX:TieredStopAtLevel=1'
/** Spark's standalone master gives a driver of cluster mode none of the module options that Java 17 needs. */
const MODULES = [
  'java.nio',
  'java.lang',
  'java.lang.invoke',
  'java.util',
  'java.net',
  'sun.nio.ch',
  'sun.security.action',
]
  .map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`)
  .join(' ')

await onRealServers(['spark'], ({ spark }) => {
  const endpoint = (name: string) => spark.endpoints[name] ?? ''
  const [, host = '', port = ''] = /^(spark:\/\/[^:]+):(\d+)$/.exec(endpoint('spark')) ?? []
  const extra = JSON.stringify({ 'spark-home': endpoint('home'), 'web-ui': endpoint('web') })
  const connections = [
    { id: 'spark_default', type: 'spark', host, port: Number(port), extra },
    { id: 'spark_local', type: 'spark', host: 'local[1]', extra: JSON.stringify({ 'spark-home': endpoint('home') }) },
  ]

  let folder: string
  let jobs: SparkJobs
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'baram-spark-'))
    jobs = await makeSparkJobs(folder, endpoint('home'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  function submit(options: SparkSubmitOptions, signal?: AbortSignal) {
    const op = madeUpContext({ embeddedRoot: '/nowhere', connections, ...(signal !== undefined && { signal }) })
    const task = sparkSubmitWith(
      { environment: { SPARK_LOCAL_IP: '127.0.0.1' } },
      {
        driverMemory: '512m',
        executorMemory: '512m',
        totalExecutorCores: 1,
        statusPollInterval: 0.3,
        ...options,
        conf: {
          'spark.driver.extraJavaOptions': `${QUICK} ${MODULES}`,
          'spark.executor.extraJavaOptions': QUICK,
          ...options.conf,
        },
      },
    )
    return { op, running: Promise.resolve(task.execute(op, {})) }
  }
  const linesOf = (op: ReturnType<typeof submit>['op']) => op.lines.map((line) => line.message)
  const logOf = (op: ReturnType<typeof submit>['op']) => linesOf(op).join('\n')

  /** What the master itself lists, past our client. */
  async function master(list: 'activeapps' | 'completedapps' | 'activedrivers' | 'completeddrivers') {
    const told = (await (await fetch(`${endpoint('web')}/json/`)).json()) as Record<
      string,
      { id: string; state: string }[]
    >
    return told[list] ?? []
  }

  describe('client mode', () => {
    test('runs a Python file; its output is in the log, its state that of the master, arguments come as they are', async () => {
      const args = ['--kill', 'two words', "it's “쌀”\nand a line", '$(id)', '']
      const { op, running } = submit({ application: jobs.python, applicationArgs: args, name: 'sum of {a} & b' })
      const result = await running
      expect(linesOf(op)).toContain('sum 5050')
      for (const shown of ["arg '--kill'", "arg 'two words'", 'arg "it\'s “쌀”\\nand a line"', "arg '$(id)'", "arg ''"])
        expect(linesOf(op)).toContain(shown)
      expect(result).toMatchObject({ driverId: null, finalState: 'FINISHED' })
      expect(await master('completedapps')).toContainEqual(
        expect.objectContaining({ id: result.applicationId, name: 'sum of {a} & b', state: 'FINISHED' }),
      )
    })

    test('runs a SQL file with its variables on local[1], which has no cluster to ask', async () => {
      const { op, running } = submit({
        connId: 'spark_local',
        application: jobs.sql,
        applicationArgs: ['--hivevar', 'day=2024-03-18'],
        conf: { 'spark.sql.warehouse.dir': join(folder, 'warehouse') },
      })
      expect(await running).toMatchObject({ finalState: null, applicationId: like(/^local-\d+$/) })
      expect(linesOf(op)).toContain('sum 5050 on 2024-03-18')
    })

    test('a job that fails is told with its words, its exit code and its state', async () => {
      const { op, running } = submit({ application: jobs.jar, javaClass: 'SparkJob', applicationArgs: ['fail'] })
      await expect(running).rejects.toMatchObject({ name: 'SparkFailedError', exitCode: 1 })
      expect(logOf(op)).toContain('no such day')
      expect(await master('activeapps')).toEqual([])
    })

    test('a driver that ends with 3 after its application has finished is told as both', async () => {
      const { running } = submit({ application: jobs.jar, javaClass: 'SparkJob', applicationArgs: ['exit', '3'] })
      await expect(running).rejects.toMatchObject({
        exitCode: 3,
        finalState: 'FINISHED',
        message: like(/application app-\S+ is FINISHED at the cluster, and spark-submit returned exit code 3/),
      })
    })

    test('a cancelled attempt ends driver and application, and says so; progress was told before', async () => {
      const stop = new AbortController()
      const { op, running } = submit(
        { application: jobs.jar, javaClass: 'SparkJob', applicationArgs: ['wait'] },
        stop.signal,
      )
      const ended = expect(running).rejects.toThrow('cleared')
      const isTold = () => linesOf(op).includes('0 of 1 stages, 0 of 1 tasks done')
      expect(await waitUntil(async () => isTold(), 90_000, 100)).toBe(true)
      const [app] = await master('activeapps')
      stop.abort(new Error('cleared'))
      await ended
      expect(await master('activeapps')).toEqual([])
      expect(op.lines).toContainEqual(
        expect.objectContaining({
          fields: { application: app?.id },
          message: like(/^the application (has ended|was killed) at the cluster$/),
        }),
      )
    })
  })

  describe('cluster mode', () => {
    const inCluster = (args: readonly string[]): SparkSubmitOptions => ({
      application: jobs.jar,
      javaClass: 'SparkJob',
      deployMode: 'cluster',
      applicationArgs: args,
    })

    test('the driver runs on the worker; its output, its progress and its end come from there', async () => {
      const { op, running } = submit(inCluster(['sum', '100']))
      const result = await running
      expect(result).toMatchObject({
        driverId: like(/^driver-/),
        applicationId: like(/^app-/),
        finalState: 'FINISHED',
      })
      expect(linesOf(op)).toContain('sum 5050')
    })

    test('a driver that fails fails the task, though spark-submit returned 0', async () => {
      const { op, running } = submit(inCluster(['exit', '4']))
      await expect(running).rejects.toMatchObject({
        exitCode: 0,
        finalState: 'FAILED',
        message: like(/^driver driver-\S+ ended as FAILED at the cluster, though spark-submit returned exit code 0/),
      })
      expect(linesOf(op)).toContain('sum 55')
    })

    test('a cancelled attempt kills the driver on the worker', async () => {
      const stop = new AbortController()
      const { running } = submit(inCluster(['wait']), stop.signal)
      const ended = expect(running).rejects.toThrow('cleared')
      expect(await waitUntil(async () => (await master('activeapps')).length === 1, 90_000, 100)).toBe(true)
      stop.abort(new Error('cleared'))
      await ended
      expect(await master('activedrivers')).toEqual([])
      expect((await master('completeddrivers')).map((driver) => driver.state)).toContain('KILLED')
      expect(await waitUntil(async () => (await master('activeapps')).length === 0, 20_000, 100)).toBe(true)
    })
  })

  test('a worker that dies takes a cluster driver with it, and the task fails with what the master says', async () => {
    const { running } = submit({
      application: jobs.jar,
      javaClass: 'SparkJob',
      deployMode: 'cluster',
      applicationArgs: ['wait'],
    })
    const ended = expect(running).rejects.toMatchObject({ name: 'SparkFailedError', finalState: 'ERROR' })
    expect(await waitUntil(async () => (await master('activeapps')).length === 1, 90_000, 100)).toBe(true)
    await spark.kill('worker')
    await ended
    await spark.restart('worker')
  })
})
