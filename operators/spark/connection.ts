// What a connection of type spark says: which master, how to submit to it, and where it tells of its applications.

import { isAbsolute } from 'node:path'
import type { ConnectionResult } from '../../sdk/index.ts'
import { ConnectionUnusableError, readExtra } from '../connection.ts'

export interface SparkTarget {
  readonly connId: string
  /** As `--master` takes it. */
  readonly master: string
  readonly kind: 'standalone' | 'yarn' | 'local'
  readonly deployMode: 'client' | 'cluster'
  readonly queue: string | undefined
  /** A name on the PATH. */
  readonly binary: string | undefined
  /** SPARK_HOME. */
  readonly home: string | undefined
  /** Pages of the standalone masters, or of YARN's ResourceManagers. */
  readonly webUis: readonly string[]
}

type Extra = Readonly<Record<string, unknown>>

const LOCAL = /^local(-cluster)?(\[[\d*, ]+\])?$/
const STANDALONE = /^spark:\/\/[^\s/,:]+(:\d+)?(,[^\s/,:]+(:\d+)?)*$/
/** Airflow allows these and no other program. */
const BINARIES = ['spark-submit', 'spark2-submit', 'spark3-submit']

/** Without a connection: all cores of this host. */
export const LOCAL_TARGET: SparkTarget = {
  connId: 'spark_default',
  master: 'local[*]',
  kind: 'local',
  deployMode: 'client',
  queue: undefined,
  binary: undefined,
  home: undefined,
  webUis: [],
}

function textIn(id: string, extra: Extra, name: string): string | undefined {
  const value = extra[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string' && !value.includes('\0')) return value
  throw new ConnectionUnusableError(id, `its extra.${name} must be a text, found ${JSON.stringify(value)}`)
}

function masterOf({ id, host, port }: ConnectionResult): Pick<SparkTarget, 'master' | 'kind'> {
  const given = (host ?? '').trim()
  if (given === 'yarn') return { master: given, kind: 'yarn' }
  if (LOCAL.test(given)) return { master: given, kind: 'local' }
  const master = port ? `${given}:${port}` : given
  if (STANDALONE.test(master)) return { master, kind: 'standalone' }
  const found = given === '' ? 'nothing' : given.slice(0, 100)
  const advice = given.startsWith('k8s://')
    ? 'Kubernetes is not supported yet'
    : 'such as spark://master1 with port 7077, yarn or local[*]'
  throw new ConnectionUnusableError(id, `its host must name a master of Spark, ${advice}; found ${found}`)
}

function deployModeOf(id: string, extra: Extra): SparkTarget['deployMode'] {
  const mode = textIn(id, extra, 'deploy-mode') ?? 'client'
  if (mode === 'client' || mode === 'cluster') return mode
  throw new ConnectionUnusableError(id, `its extra.deploy-mode must be client or cluster, found ${mode}`)
}

function binaryOf(id: string, extra: Extra): string | undefined {
  const binary = textIn(id, extra, 'spark-binary')
  if (binary === undefined || BINARIES.includes(binary)) return binary
  throw new ConnectionUnusableError(id, `its extra.spark-binary must be ${BINARIES.join(', ')}, found ${binary}`)
}

function homeOf(id: string, extra: Extra): string | undefined {
  const home = textIn(id, extra, 'spark-home')
  if (home === undefined || isAbsolute(home)) return home
  throw new ConnectionUnusableError(id, `its extra.spark-home must be an absolute folder, found ${home}`)
}

function webUisOf(id: string, extra: Extra, { kind, master }: Pick<SparkTarget, 'kind' | 'master'>): readonly string[] {
  const given = textIn(id, extra, 'web-ui')
  if (given === undefined) {
    const hosts = kind === 'standalone' ? master.slice('spark://'.length).split(',') : []
    return hosts.map((host) => `http://${host.replace(/:\d+$/, '')}:8080`)
  }
  return given.split(',').map((text) => {
    const url = text.trim().replace(/\/+$/, '')
    if (/^https?:\/\/[^\s/@]+$/.test(url)) return url
    throw new ConnectionUnusableError(
      id,
      `its extra.web-ui must be an address such as http://master1:8080, found ${url}`,
    )
  })
}

/**
 * `host` (`spark://master1`, `yarn` or `local[*]`), `port` (7077), and in `extra`: `deploy-mode` (client or cluster), `queue`
 * (YARN), `spark-home`, `spark-binary`, `web-ui` (the pages of the master, default `http://<host>:8080`, or of YARN's
 * ResourceManager).
 * @throws ConnectionUnusableError
 */
export function sparkTarget(connection: ConnectionResult): SparkTarget {
  const { id } = connection
  if (connection.type !== 'spark')
    throw new ConnectionUnusableError(id, `sparkSubmit needs type spark, found ${connection.type}`)
  const extra = readExtra(connection)
  const master = masterOf(connection)
  return {
    connId: id,
    ...master,
    deployMode: deployModeOf(id, extra),
    queue: textIn(id, extra, 'queue'),
    binary: binaryOf(id, extra),
    home: homeOf(id, extra),
    webUis: webUisOf(id, extra, master),
  }
}
