// The configuration, when the deployment shows it: Airflow's `[api] expose_config`, off by default. Settings are shown that
// stand in a list; a new one is hidden until somebody has thought about it.

import type { Config } from '../../runtime/config.ts'
import { SETTINGS } from '../../runtime/settings.ts'
import { acceptsText } from '../http/accept.ts'
import { ApiError, notFound } from '../http/errors.ts'
import type { ApiRoutes, Call } from './router.ts'

/** No secrets, no addresses with passwords in them, nothing of what tasks are given. */
export const SHOWN: readonly (keyof typeof SETTINGS)[] = [
  ...(['dagsFolder', 'loadExamples', 'parallelism', 'maxActiveTasksPerDag', 'maxActiveRunsPerDag'] as const),
  ...(['maxMapLength', 'dagsArePausedAtCreation', 'dagFileTimeoutMs', 'killedTaskCleanupMs', 'allAdmins'] as const),
  ...(['poolSize', 'outageMs', 'logFolder', 'logLevel', 'maxLogBytes', 'logRetentionDays'] as const),
  ...(['host', 'port', 'baseUrl', 'maximumPageLimit', 'fallbackPageLimit', 'exposeConfig', 'jwtSeconds'] as const),
  ...(['workerConcurrency', 'idleChildMs', 'childMemoryMb', 'childRecycleMb', 'queues'] as const),
  ...(['heartbeatMs', 'leaseMs', 'sweepMs', 'jobRetentionDays', 'runRetentionDays', 'auditRetentionDays'] as const),
  ...(['versionRetentionDays', 'callbackConcurrency', 'callbackTimeoutMs', 'callbackRetentionDays'] as const),
  ...(['triggererCapacity', 'rescanMs', 'staleFileMs', 'parserMemoryMb', 'checkTypes'] as const),
]

interface Option {
  readonly key: string
  readonly value: string
}

/** As it would stand in `baram.cfg`: what is kept in ms is set in seconds. */
function textOf(field: string, value: unknown): string {
  if (value === null) return ''
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(field.endsWith('Ms') ? value / 1000 : value)
  return Array.isArray(value) ? value.join(',') : String(value)
}

function sectionsOf(config: Config): ReadonlyMap<string, readonly Option[]> {
  const sections = new Map<string, Option[]>()
  for (const field of SHOWN) {
    const { section, key } = SETTINGS[field]
    const options = sections.get(section) ?? []
    options.push({ key, value: textOf(field, config[field]) })
    sections.set(section, options)
  }
  return sections
}

/** @throws ApiError 403 unless the deployment shows its configuration */
function shownSections({ web: { config } }: Call): ReadonlyMap<string, readonly Option[]> {
  if (!config.exposeConfig)
    throw new ApiError(
      403,
      'Your Airflow administrator chose not to expose the configuration, most likely for security reasons.',
    )
  return sectionsOf(config)
}

const sectionText = ([name, options]: readonly [string, readonly Option[]]): string =>
  `[${name}]\n${options.map(({ key, value }) => `${key} = ${value}`).join('\n')}\n`

function answer({ res }: Call, isText: boolean, sections: readonly (readonly [string, readonly Option[]])[]) {
  if (!isText) return { sections: sections.map(([name, options]) => ({ name, options })) }
  res.type('text/plain').send(sections.map(sectionText).join('\n'))
  return undefined
}

async function all(call: Call) {
  const isText = acceptsText(call.req)
  const asked = call.query.text('section')
  const sections = [...shownSections(call)].filter(([name]) => asked === undefined || asked === '' || name === asked)
  if (sections.length === 0) throw notFound(`Section ${asked} not found.`)
  return answer(call, isText, sections)
}

async function one(call: Call) {
  const isText = acceptsText(call.req)
  const [section, key] = [call.param('section'), call.param('option')]
  const option = shownSections(call)
    .get(section)
    ?.find((shown) => shown.key === key)
  if (option === undefined) throw notFound(`Option [${section}/${key}] not found.`)
  return answer(call, isText, [[section, [option]]])
}

export function configurationRoutes(api: ApiRoutes): void {
  api.on('get', '/config', 'viewer', 200, all)
  api.on('get', '/config/section/{section}/option/{option}', 'viewer', 200, one)
}
