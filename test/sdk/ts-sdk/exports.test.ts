// What the four specifiers export (checklist 1, 48, 50, 51).

import * as scoped from '@apache-airflow/ts-sdk'
import * as coordinator from '@apache-airflow/ts-sdk/coordinator'
import * as scopedHitl from '@apache-airflow/ts-sdk/hitl'
import * as plain from 'apache-airflow-ts-sdk'
import * as plainHitl from 'apache-airflow-ts-sdk/hitl'
import { expect, test } from 'vitest'
import { openLoadScope } from '../../../sdk/bundle.ts'
import { MISSING_STORES } from '../../../sdk/state-stores.ts'

test('1. every specifier resolves, every value is importable, no removed name is [Asset: C, NEVER_EXPIRE, label: B]', () => {
  expect(Object.keys(scoped).sort()).toEqual([
    'Asset',
    'Bundle',
    'ConnectionNotFoundError',
    'Dag',
    'NEVER_EXPIRE',
    'SUPERVISOR_API_VERSION',
    'TaskHandler',
    'VariableNotFoundError',
    'getClient',
    'getContext',
    'label',
    'triggerDagRun',
    'withArgNames',
  ])
  expect(Object.keys(scopedHitl).sort()).toEqual(['approval', 'hitl'])
  expect([plain.Dag, plainHitl.hitl, coordinator.Dag]).toEqual([scoped.Dag, scopedHitl.hitl, scoped.Dag])
  expect([scoped.NEVER_EXPIRE, scoped.SUPERVISOR_API_VERSION]).toEqual([Number.POSITIVE_INFINITY, '2026-10-30'])
})

test('2. serve() needs no argv and opens no socket; it resolves at once and ends the declaring', async () => {
  const scope = openLoadScope()
  const before = process.getActiveResourcesInfo().filter((name) => /TCP|Pipe|UDP/.test(name)).length
  const dag = new scoped.Dag('d')
  await new scoped.Bundle(dag).serve()
  expect(process.getActiveResourcesInfo().filter((name) => /TCP|Pipe|UDP/.test(name))).toHaveLength(before)
  expect(scope.served).toEqual([dag])
  expect(() => dag.task('late', () => 1)).toThrow('while the module is loading')
  await expect(scoped.Bundle.prototype.serve.call({} as never)).rejects.toThrow('on a Bundle')
})

test('48. approval and hitl exist, and say that Baram does not have them yet', () => {
  expect(() => scopedHitl.approval({ subject: 'Ship it?' })).toThrow('Baram has no human-in-the-loop tasks yet')
  expect(() => scopedHitl.hitl({ subject: 'Which?', options: ['a', 'b'] })).toThrow('hitl(…): Baram has no')
})

test('50. taskStateStore and assetStateStore exist, and say that Baram does not have them yet [B; assets: C]', async () => {
  const { taskStateStore, assetStateStore } = MISSING_STORES
  await expect(taskStateStore.set('k', 1, { retention: scoped.NEVER_EXPIRE })).rejects.toThrow(
    'taskStateStore.set: Baram has no state stores yet',
  )
  await expect(taskStateStore.get('k')).rejects.toThrow('taskStateStore.get')
  await expect(taskStateStore.delete('k')).rejects.toThrow('taskStateStore.delete')
  await expect(taskStateStore.clear()).rejects.toThrow('taskStateStore.clear')
  const asset = new scoped.Asset({ uri: 's3://x' })
  expect([asset.name, asset.uri]).toEqual(['s3://x', 's3://x'])
  expect(() => new scoped.Asset({})).toThrow('a name or a uri')
  for (const known of [asset, scoped.Asset.ref({ name: 'prices' })])
    await expect(assetStateStore.forAsset(known).get('k')).rejects.toThrow('assetStateStore.get')
})
