import { expect, test } from 'vitest'
import { ConnectionUnusableError } from '../../../operators/connection.ts'
import { DirectoryLake } from '../../../operators/lake/directory.ts'
import { openLake } from '../../../operators/lake/open.ts'
import { safeName } from '../../../operators/lake/paths.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'
import { lakeContract } from './contract.ts'

removeTemporaryFoldersAfterwards()
lakeContract('a directory', async () => new DirectoryLake(await temporaryFolder()))

test('a missing connection means the embedded lake, and the log says so', async () => {
  const op = madeUpContext({ embeddedRoot: '/srv/embedded' })
  const lake = await openLake(op, 'hdfs_default')
  expect(lake).toMatchObject({ root: '/srv/embedded/lake' })
  expect(op.lines.map((line) => line.message).join()).toContain('embedded')
})

test('a directory connection names its folder in extra.path', async () => {
  const connection = { id: 'hdfs_default', type: 'directory', extra: '{"path":"/data/lake"}' }
  const lake = await openLake(madeUpContext({ embeddedRoot: '/srv', connections: [connection] }), 'hdfs_default')
  expect(lake).toMatchObject({ root: '/data/lake' })
})

test.each([
  ['webhdfs', null, /needs the NameNodes/],
  ['directory', null, /extra needs "path"/],
  ['directory', '{"path":"lake"}', /must be absolute/],
  ['directory', '[1]', /must be a JSON object/],
  ['http', null, /found http/],
])('a connection of type %s with extra %s is refused with a reason', async (type, extra, reason) => {
  const op = madeUpContext({ embeddedRoot: '/srv', connections: [{ id: 'hdfs_default', type, extra }] })
  const opening = openLake(op, 'hdfs_default')
  await expect(opening).rejects.toThrow(ConnectionUnusableError)
  await expect(opening).rejects.toThrow(reason)
})

test('names made of ids hold no colon and stay apart', () => {
  expect(safeName('min_candle')).toBe('min_candle')
  expect(safeName('scheduled__2024-03-18T00:00:00+00:00')).toMatch(
    /^scheduled__2024-03-18T00_00_00_00_00\.[0-9a-f]{8}$/,
  )
  expect(safeName('가')).not.toBe(safeName('나'))
  expect(safeName('..')).toMatch(/^_/)
})
