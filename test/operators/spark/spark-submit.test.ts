// sparkSubmit with a made-up spark-submit and made-up clusters: what reaches the command line, and how ends are told.

import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { SparkSubmitOptions } from '../../../operators/spark/options.ts'
import { sparkSubmit, sparkSubmitWith } from '../../../operators/spark/spark-submit.ts'
import type { ConnectionResult } from '../../../sdk/index.ts'
import {
  abortedAt,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  temporaryFolder,
} from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

/** Writes its arguments to a file, each with a NUL behind it, then does what the variable SCRIPT says. */
const FAKE = `#!/bin/sh
printf '%s\\0' "$@" > "$RECORD"
eval "$SCRIPT"
`

let folder: string
let binary: string
let python: string
beforeAll(async () => {
  folder = await temporaryFolder()
  binary = join(folder, 'spark-submit')
  python = join(folder, 'job.py')
  await writeFile(binary, FAKE)
  await chmod(binary, 0o755)
  await writeFile(python, '')
})

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Given {
  readonly script?: string
  readonly connection?: Partial<ConnectionResult>
  readonly environment?: Readonly<Record<string, string>>
  readonly op?: ReturnType<typeof madeUpContext>
}

async function submit(options: Partial<SparkSubmitOptions>, given: Given = {}) {
  const { script = '', connection, environment, op = madeUpContext({ embeddedRoot: '/nowhere' }) } = given
  if (connection !== undefined)
    op.connections.set('spark_default', { id: 'spark_default', type: 'spark', ...connection })
  const record = join(folder, 'record')
  const task = sparkSubmitWith(
    { environment: { RECORD: record, SCRIPT: script, ...environment }, graceMs: 100 },
    { application: python, sparkBinary: binary, statusPollInterval: 0.02, ...options },
  )
  const result = await task.execute(op, {})
  const args = (await readFile(record, 'utf8')).split('\0').slice(0, -1)
  return { result, args, op, lines: op.lines.map((line) => line.message) }
}

/** Behind the application: what it gets. */
const after = (args: readonly string[], application: string) => args.slice(args.indexOf(application) + 1)

describe('the command line', () => {
  test('has options in Spark’s words, settings each by --conf, the application, and its own arguments last', async () => {
    const { args } = await submit(
      {
        applicationArgs: ['--day', '2024-03-18'],
        conf: { 'spark.sql.shuffle.partitions': 4, 'spark.ui.port': 4050, 'spark.eventLog.enabled': false },
        jars: ['/a.jar', '/b c.jar'],
        pyFiles: '/x.zip,/y.zip',
        name: 'day',
        driverMemory: '1g',
        executorMemory: '2g',
        executorCores: 2,
        totalExecutorCores: 8,
        numExecutors: 3,
        verbose: true,
        javaClass: '',
      },
      { connection: { host: 'yarn', extra: '{"queue": "night", "deploy-mode": "cluster"}' } },
    )
    const attempt = 'min_candle/task/scheduled__2024-03-18T00:00:00+00:00/-1/1'
    expect(args).toEqual([
      ...['--master', 'yarn', '--deploy-mode', 'cluster', '--py-files', '/x.zip,/y.zip'],
      ...['--jars', '/a.jar,/b c.jar', '--num-executors', '3', '--total-executor-cores', '8', '--executor-cores', '2'],
      ...['--executor-memory', '2g', '--driver-memory', '1g', '--queue', 'night', '--name', 'day'],
      ...['--conf', 'spark.ui.port=4050', '--conf', `spark.baram.attempt=${attempt}`],
      ...['--conf', 'spark.sql.shuffle.partitions=4', '--conf', 'spark.eventLog.enabled=false', '--verbose'],
      ...[python, '--day', '2024-03-18'],
    ])
  })

  test('any arguments and values arrive as they are', async () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab-= \t\n"\'\\$`;*,쌀😀'), maxLength: 12 })
    const property = fc.asyncProperty(fc.array(text, { maxLength: 5 }), text, async (applicationArgs, value) => {
      const { args } = await submit({ applicationArgs, conf: { 'spark.x': value } })
      expect(after(args, python)).toEqual(applicationArgs)
      expect(args).toContain(`spark.x=${value}`)
    })
    await fc.assert(property, { numRuns: 25 })
  })

  test('a SQL file is run by Spark SQL’s main class', async () => {
    const application = join(folder, 'day.sql')
    await writeFile(application, 'select 1;')
    const { args } = await submit({ application, applicationArgs: ['--hivevar', 'day=2024-03-18'] })
    expect(args.slice(args.indexOf('--class'))).toEqual([
      ...['--class', 'org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver', 'spark-internal'],
      ...['-f', application, '--hivevar', 'day=2024-03-18'],
    ])
  })

  test('without a connection Spark runs on this host, which the log says', async () => {
    const { args, lines } = await submit({})
    expect(args.slice(0, 3)).toEqual(['--master', 'local[*]', '--name'])
    expect(args[3]).toBe('min_candle.task')
    expect(lines).toContain('no such connection: Spark runs on this host, as local[*]')
  })

  test('several masters are one address', async () => {
    const { args } = await submit({}, { connection: { host: 'spark://m1:7077,m2', port: 7077 }, script: 'exit 0' })
    expect(args.slice(0, 4)).toEqual(['--master', 'spark://m1:7077,m2:7077', '--deploy-mode', 'client'])
  })
})

describe('values that cannot be are refused before Spark is started', () => {
  test.each([
    [{ applicationArgs: ['a\0b'] }, 'applicationArgs[0] holds a NUL character'],
    [{ conf: { 'spark.x': 'a\0b' } }, 'conf spark.x holds a NUL character'],
    [{ conf: { 'spark.x=1 --class': 'y' } }, 'is no name of a setting'],
    [{ conf: { 'spark\n.x': 'y' } }, 'is no name of a setting'],
    [{ jars: ['/a,b.jar'] }, 'jars holds /a,b.jar, which Spark would take apart at its comma'],
    [{ application: '--kill' }, 'application must be a file, found --kill'],
    [{ application: 'job.py' }, 'application must be an absolute path or an address, found job.py'],
    [{ application: '/nowhere/job.py' }, 'application /nowhere/job.py is not a file of this host'],
    [{ deployMode: 'cluster' as const }, 'local[*] has no cluster to run a driver on'],
    [{ sparkBinary: './spark-submit' }, 'sparkBinary must be a name or an absolute path'],
  ])('%j', async (options, message) => {
    await expect(submit(options)).rejects.toThrow(message)
  })

  test.each([
    [{ application: '/jobs/day.py' }, 'standalone cluster runs Python applications in client mode only'],
    [{ application: '/jobs/day.sql' }, 'Spark runs a SQL file in client mode only'],
  ])('%j in cluster mode', async (options, message) => {
    const connection = { host: 'spark://m1', port: 7077, extra: '{"deploy-mode": "cluster"}' }
    await expect(submit(options, { connection })).rejects.toThrow(message)
  })

  test.each([
    [
      { host: '' },
      'its host must name a master of Spark, such as spark://master1 with port 7077, yarn or local[*]; found nothing',
    ],
    [{ host: 'm1:7077' }, 'its host must name a master of Spark'],
    [{ host: 'k8s://https://h:6443' }, 'Kubernetes is not supported yet'],
    [
      { host: 'yarn', extra: '{"deploy-mode": "Cluster"}' },
      'its extra.deploy-mode must be client or cluster, found Cluster',
    ],
    [{ host: 'yarn', extra: '{"spark-binary": "/bin/rm"}' }, 'its extra.spark-binary must be spark-submit'],
    [
      { host: 'yarn', extra: '{"spark-home": "spark"}' },
      'its extra.spark-home must be an absolute folder, found spark',
    ],
    [
      { host: 'yarn', extra: '{"web-ui": "rm1:8088"}' },
      'its extra.web-ui must be an address such as http://master1:8080',
    ],
    [{ host: 'yarn', type: 'http' }, 'sparkSubmit needs type spark, found http'],
  ])('a connection of %j', async (connection, message) => {
    await expect(submit({}, { connection })).rejects.toThrow(message)
  })

  test.each([
    [{ application: ' ' }, 'application is empty'],
    [{ application: 'x.py', executorCores: 0 }, 'executorCores must be a whole number above 0, found 0'],
    [{ application: 'x.py', statusPollInterval: Number.NaN }, 'statusPollInterval must be above 0 seconds, found NaN'],
  ])('%j while the DAG is read', (options, message) => {
    expect(() => sparkSubmit(options)).toThrow(message)
  })
})

describe('spark-submit', () => {
  test('that is not there is said with what to do', async () => {
    const environment = { PATH: '/nowhere', SPARK_HOME: '' }
    await expect(submit({ sparkBinary: 'spark-submit' }, { environment })).rejects.toThrow(
      'spark-submit was not found (PATH is /nowhere) on this worker: install Spark (a distribution, or pip install pyspark) and Java',
    )
    const connection = { host: 'local', extra: '{"spark-home": "/opt/none"}' }
    const options = { application: python, statusPollInterval: 1 }
    const op = madeUpContext({
      embeddedRoot: '/',
      connections: [{ id: 'spark_default', type: 'spark', ...connection }],
    })
    await expect(sparkSubmitWith({}, options).execute(op, {})).rejects.toThrow(
      '/opt/none/bin/spark-submit cannot be run',
    )
  })

  test('is found in SPARK_HOME when the PATH has none', async () => {
    const home = await temporaryFolder()
    await mkdir(join(home, 'bin'))
    await symlink(binary, join(home, 'bin', 'spark2-submit'))
    const environment = { PATH: '/usr/bin:/bin', SPARK_HOME: home }
    expect((await submit({ sparkBinary: 'spark2-submit' }, { environment })).result.finalState).toBeNull()
  })

  test('tells its output line by line, in the order it comes', async () => {
    const { lines } = await submit({}, { script: 'echo one; echo two >&2; printf three' })
    expect(lines.filter((line) => ['one', 'two', 'three'].includes(line))).toEqual(['one', 'two', 'three'])
  })

  test('hides secrets of settings and variables wherever they are printed', async () => {
    const { op } = await submit(
      {
        conf: { 'spark.hadoop.fs.s3a.secret.key': 'hunter22', 'spark.x': 'seen' },
        envVars: { DB_PASSWORD: 'letmein!' },
        applicationArgs: ['hunter22'],
      },
      { script: 'echo "key=hunter22 password=$DB_PASSWORD x=seen"' },
    )
    const told = JSON.stringify(op.lines)
    expect(told).toContain('key=*** password=*** x=seen')
    expect(told).not.toMatch(/hunter22|letmein/)
  })

  test('that fails is told with its exit code and its last lines', async () => {
    await expect(submit({}, { script: 'echo Exception: no such day; exit 7' })).rejects.toMatchObject({
      name: 'SparkFailedError',
      exitCode: 7,
      finalState: null,
      message:
        'no application was started, and spark-submit returned exit code 7; its last output:\nException: no such day',
    })
  })

  test('is ended, with what it has started, when the attempt must stop', async () => {
    const op = abortedAt('started')
    await expect(submit({}, { op, script: 'sleep 1000 & echo started; wait' })).rejects.toThrow(
      'aborted by its time limit',
    )
  })
})

const APP = 'app-20240318000000-0001'
const CONNECTED = `echo "24/03/18 INFO StandaloneSchedulerBackend: Connected to Spark cluster with app ID ${APP}"`

/** A master's pages: the application has this state, until it is killed. */
async function masterWith(given: { state: string; isActive?: boolean }) {
  let { state, isActive = false } = given
  const killed: string[] = []
  const url = await serve((request, response) => {
    if (request.method === 'POST') {
      request.on('data', (chunk: Buffer) => killed.push(`${request.url} ${chunk.toString()}`))
      request.on('end', () => {
        ;[state, isActive] = ['KILLED', false]
        response.writeHead(302, { location: '/' }).end()
      })
      return
    }
    const app = [{ id: APP, state }]
    response.end(JSON.stringify({ status: 'ALIVE', [isActive ? 'activeapps' : 'completedapps']: app }))
  })
  return { killed, connection: { host: 'spark://m1', port: 7077, extra: JSON.stringify({ 'web-ui': url }) } }
}

describe('a standalone master', () => {
  test('that has the application finished makes the task succeed', async () => {
    const { connection } = await masterWith({ state: 'FINISHED' })
    const { result } = await submit({}, { connection, script: CONNECTED })
    expect(result).toEqual({ applicationId: APP, driverId: null, finalState: 'FINISHED', progress: null })
  })

  test.each(['FAILED', 'KILLED'])('that has it %s fails the task, whatever the exit code', async (state) => {
    const { connection } = await masterWith({ state })
    await expect(submit({}, { connection, script: CONNECTED })).rejects.toMatchObject({
      exitCode: 0,
      finalState: state,
      message: expect.stringContaining(
        `application ${APP} ended as ${state} at the cluster, though spark-submit returned`,
      ) as unknown,
    })
  })

  test('that does not answer leaves the exit code to decide, with a warning', async () => {
    const connection = { host: 'spark://m1', port: 7077, extra: '{"web-ui": "http://127.0.0.1:9"}' }
    const { result, lines } = await submit({}, { connection, script: CONNECTED })
    expect(result.finalState).toBeNull()
    expect(lines).toContain('the final state is not known: the exit code decides')
  })

  test('is asked to kill an application that outlives its spark-submit', async () => {
    const { connection, killed } = await masterWith({ state: 'RUNNING', isActive: true })
    const op = abortedAt('started')
    const script = `${CONNECTED}; echo started; sleep 1000`
    await expect(submit({}, { op, connection, script })).rejects.toThrow('aborted by its time limit')
    expect(killed).toEqual([`/app/kill/ id=${APP}&terminate=true`])
    expect(op.lines.at(-1)).toMatchObject({ level: 'info', message: 'the application was killed at the cluster' })
  })

  test('an id that the application itself prints is not taken for its own', async () => {
    const { connection } = await masterWith({ state: 'FINISHED' })
    const { result } = await submit({}, { connection, script: `echo "joined app-19990101000000-0009"; ${CONNECTED}` })
    expect(result.applicationId).toBe(APP)
  })

  test('a driver of cluster mode that nobody named is no success', async () => {
    const connection = { host: 'spark://m1', port: 7077, extra: '{"deploy-mode": "cluster"}' }
    const application = join(folder, 'job.jar')
    await expect(submit({ application }, { connection, script: 'exit 0' })).rejects.toThrow('named no driver')
  })
})

describe('YARN (a made-up ResourceManager)', () => {
  const ID = 'application_1700000000000_0001'
  const script = `echo "INFO YarnClientImpl: Submitted application ${ID}"`

  test.each([
    ['SUCCEEDED', null],
    ['FAILED', 'application application_1700000000000_0001 ended as FAILED at the cluster'],
  ])('tells state and final status apart: FINISHED and %s', async (finalStatus, failure) => {
    const url = await serve((_, response) => response.end(JSON.stringify({ app: { state: 'FINISHED', finalStatus } })))
    const submitted = submit({}, { connection: { host: 'yarn', extra: JSON.stringify({ 'web-ui': url }) }, script })
    if (failure === null) expect((await submitted).result.finalState).toBe('SUCCEEDED')
    else await expect(submitted).rejects.toThrow(failure)
  })

  test('is asked to kill the application of a cancelled attempt, past a standby', async () => {
    let app = { state: 'RUNNING', finalStatus: 'UNDEFINED' }
    const asked: string[] = []
    const standby = await serve((_, response) => response.writeHead(307, { location: 'http://rm2/' }).end())
    const active = await serve((request, response) => {
      if (request.method === 'PUT') {
        request.on('data', (chunk: Buffer) => asked.push(`${request.url} ${chunk.toString()}`))
        app = { state: 'KILLED', finalStatus: 'KILLED' }
      }
      response.end(JSON.stringify({ app }))
    })
    const connection = { host: 'yarn', extra: JSON.stringify({ 'web-ui': `${standby}, ${active}` }) }
    const op = abortedAt('started')
    await expect(submit({}, { op, connection, script: `${script}; echo started; sleep 1000` })).rejects.toThrow(
      'time limit',
    )
    expect(asked).toEqual([`/ws/v1/cluster/apps/${ID}/state {"state":"KILLED"}`])
  })
})
