// Every served operation answers in the shape of the API document. One file, on one webserver, because that every
// operation was called is a rule over all of them.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { operations } from '../openapi.ts'
import { describeBulk } from './bulk.ts'
import { describeDags } from './dags.ts'
import { describeDeployment } from './deployment.ts'
import { describeExtensions } from './extensions.ts'
import { describeRuns } from './runs.ts'
import { describeTaskInstances } from './task-instances.ts'
import { describeVault } from './vault.ts'
import { CANARY, useApi } from './world.ts'
import { describeXComs } from './xcoms.ts'

/** Operations of run control and backfills, which control.test.ts calls. */
const CONTROLS = 21
/** Operations that are not served. */
const ABSENT = 19
/** Served, and not seen here with a success: two redirects, a list of a mapped task, the address of a remote log, a stream (wait.test.ts). */
const UNSEEN = 5

const world = useApi({ BARAM__API__EXPOSE_CONFIG: 'True' })

describe('answers have the shape of the API document', () => {
  describeDags(world)
  describeRuns(world)
  describeTaskInstances(world)
  describeXComs(world)
  describeVault(world)
  describeBulk(world)
  describeExtensions(world)
  // After the others: their audit rows are part of what it reads.
  describeDeployment(world)

  it('whose content type is application/json and nothing else, errors too', async () => {
    for (const path of ['/dags', '/dags/nope', '/version'])
      expect((await world.web.call('GET', `/api/v2${path}`)).headers.get('content-type')).toBe('application/json')
  })

  it('and operations that are not here say so, as docs/rest.md lists them', async () => {
    const text = readFileSync(new URL('../../../docs/rest.md', import.meta.url), 'utf8')
    const [, absent = ''] = text.split('## Operations that are not here yet')
    const rows = [...absent.matchAll(/^\| `(\w+)` \| `([^`]+)` \| (\w+) \|$/gm)]
    for (const [, method = '', path = '', name = ''] of rows) {
      const url = `/api/v2${path.replaceAll(/\{\w+\}/g, 'x')}`
      const answer = await world.web.call(method, url, method === 'GET' ? {} : { body: {} })
      const detail = `${name} is not available in this version of Baram`
      expect([method, path, answer.status, answer.body]).toEqual([method, path, 404, { detail }])
    }
    // The 110 of 3.2.1, and what is served of 3.3.
    expect(operations.length).toBe(113)
    expect([world.checked.size, rows.length]).toEqual([operations.length - ABSENT - UNSEEN - CONTROLS, ABSENT])
  })
})

describe('every answer', () => {
  it('carries the security headers, errors and static files too', async () => {
    for (const path of ['/api/v2/version', '/api/v2/dags', '/nope', '/static/nope.js', '/sign-in']) {
      const { headers } = await world.web.call('GET', path, { role: null })
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'nonce-[^']+'/)
      expect(headers.get('content-security-policy')).toMatch(
        /object-src 'none'; base-uri 'none'; frame-ancestors 'none'/,
      )
      expect([
        path,
        headers.get('x-content-type-options'),
        headers.get('referrer-policy'),
        headers.get('x-powered-by'),
      ]).toEqual([path, 'nosniff', 'same-origin', null])
    }
  })

  it('keeps secrets out of every list and of the log', async () => {
    for (const operation of operations.filter((name) => name.startsWith('get '))) {
      const path = operation
        .slice(4)
        .replaceAll(/\{(\w+)\}/g, (_, name: string) =>
          encodeURIComponent(
            { ...world.at(), connection_id: 'hdfs_default', variable_key: 'slack_token' }[name] ?? '1',
          ),
        )
      const { text } = await world.web.call('GET', `/api/v2${path}`)
      expect([operation, text.includes(CANARY)]).toEqual([operation, false])
    }
    expect(world.web.logged.join('')).not.toContain(CANARY)
  })
})
