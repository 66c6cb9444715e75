// docker-compose.yml: valid by the Compose specification's schema, and as it promises. No engine here runs it.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv2019 } from 'ajv/dist/2019.js'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

interface Service {
  readonly image?: string
  readonly build?: string
  readonly profiles: readonly string[]
  readonly mem_limit: string
  readonly healthcheck?: object
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly environment?: Readonly<Record<string, unknown>>
}

const text = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8')
// The specification's own types are what the schema checks.
const compose = parse(text, { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: object
}
const services = Object.entries(compose.services)
const require = createRequire(import.meta.url)

const megabytes = (limit: string): number => {
  const [, amount = '', unit = ''] = /^(\d+)([mg])$/.exec(limit) ?? []
  return Number(amount) * (unit === 'g' ? 1024 : 1)
}

describe('docker-compose.yml', () => {
  it('is valid by the schema of the Compose specification, and the schema refuses what is not', () => {
    const schema = JSON.parse(
      readFileSync(
        require.resolve('dclint/package.json').replace('package.json', 'schemas/compose.schema.json'),
        'utf8',
      ),
    ) as object
    const ajv = new Ajv2019({ strict: false, allErrors: true })
    addFormats.default(ajv)
    const validate = ajv.compile({ ...schema, $schema: 'https://json-schema.org/draft/2019-09/schema' })
    expect([validate(compose), validate.errors ?? []]).toEqual([true, []])
    expect(validate({ services: { a: { imagee: 'x' } } })).toBe(false)
    expect(validate({ services: { a: { image: 'x', mem_limit: [] } } })).toBe(false)
  })

  it('has the five profiles, and every service in one', () => {
    const profiles = (name: string) =>
      services.filter(([, service]) => service.profiles.includes(name)).map(([id]) => id)
    expect(profiles('core').sort()).toEqual(['init', 'postgres', 'scheduler', 'webserver', 'worker'])
    expect(profiles('stream').sort()).toEqual(['kafka1', 'kafka2', 'kafka3'])
    expect(profiles('hadoop').sort()).toEqual(['datanode1', 'datanode2', 'hive', 'metastore', 'namenode'])
    expect(profiles('search').sort()).toEqual(['elasticsearch', 'kibana'])
    expect(profiles('monitoring').sort()).toEqual(['grafana', 'postgres-exporter', 'prometheus'])
    expect(services.filter(([, service]) => service.profiles.length !== 1)).toEqual([])
  })

  it('limits the memory of every service, below 8 GB in all', () => {
    const limits = services.map(([id, service]) => [id, megabytes(service.mem_limit)] as const)
    expect(limits.filter(([, limit]) => !(limit > 0))).toEqual([])
    expect(limits.reduce((sum, [, limit]) => sum + limit, 0)).toBeLessThan(8 * 1024)
  })

  it('gives no password, and binds every port to this machine', () => {
    expect(text).toContain('POSTGRES_PASSWORD:?set POSTGRES_PASSWORD')
    const secrets = services.flatMap(([id, { environment = {} }]) =>
      Object.entries(environment)
        .filter(([name, value]) => /PASSWORD|SECRET|TOKEN/.test(name) && !String(value).includes('${'))
        .map(([name]) => `${id} ${name}`),
    )
    expect(secrets).toEqual([])
    const open = services.flatMap(([, { ports = [] }]) => ports).filter((port) => !port.startsWith('127.0.0.1:'))
    expect(open).toEqual([])
  })

  it('has a health check wherever something waits, pinned images, and names every volume', () => {
    const waits = services.flatMap(([, { depends_on: waited = {} }]) => Object.keys(waited))
    expect(waits.filter((id) => id !== 'init' && compose.services[id]?.healthcheck === undefined)).toEqual([])
    const loose = services
      .map(([, { image }]) => image)
      .filter((image) => image !== undefined && !/:[\w.]+$/.test(image))
    expect(loose).toEqual([])
    const named = services.flatMap(([, { volumes = [] }]) => volumes).map((volume) => volume.split(':')[0] ?? '')
    const missing = named.filter((name) => !name.startsWith('.') && !Object.hasOwn(compose.volumes, name))
    expect(missing).toEqual([])
  })
})
