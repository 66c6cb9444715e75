// What the embedded Postgres refuses to start on, and what it says then.

import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MAJOR, textLike, useEmbeddedPostgres } from './embedded-postgres.ts'

const { newHome, start } = useEmbeddedPostgres()

test('data of another major version is refused with the steps, and not touched', async () => {
  const home = await newHome()
  const older = join(home, 'postgres', String(MAJOR - 1), 'data')
  await mkdir(older, { recursive: true })
  await writeFile(join(older, 'PG_VERSION'), `${MAJOR - 1}\n`)
  const message = textLike(new RegExp(`made by Postgres ${MAJOR - 1}, .*brings Postgres ${MAJOR}.*pg_dump`))
  await expect(start(home)).rejects.toMatchObject({ code: 'POSTGRES_VERSION', message })
  expect(await readdir(older)).toEqual(['PG_VERSION'])

  const current = await newHome()
  await (await start(current)).stop()
  await expect(start(current, { majorVersion: MAJOR + 1 })).rejects.toMatchObject({ code: 'POSTGRES_VERSION' })
  await writeFile(join(current, 'postgres', String(MAJOR), 'data', 'PG_VERSION'), '12\n')
  await expect(start(current)).rejects.toMatchObject({
    code: 'POSTGRES_VERSION',
    details: { found: '12', expected: MAJOR },
  })
})

test('a server that cannot start says why with the end of its log', async () => {
  const home = await newHome()
  const first = await start(home)
  await first.stop()
  await rm(join(first.dataDir, 'global', 'pg_control'))
  await expect(start(home)).rejects.toMatchObject({
    code: 'POSTGRES_START',
    message: textLike(/did not start: it ended with code \d+[\s\S]*postgres\.log[\s\S]*could not (find|open)/),
  })
})

test('a data folder that cannot be made says why', async () => {
  const home = await newHome()
  await mkdir(join(home, 'postgres'))
  await writeFile(join(home, 'postgres', String(MAJOR)), 'in the way')
  await expect(start(home)).rejects.toMatchObject({
    code: 'POSTGRES_START',
    message: textLike(/EEXIST/),
  })

  const other = await newHome()
  await mkdir(join(other, 'postgres', String(MAJOR), 'data'), { recursive: true })
  await writeFile(join(other, 'postgres', String(MAJOR), 'data', 'notes.txt'), 'mine')
  await expect(start(other)).rejects.toMatchObject({
    code: 'POSTGRES_START',
    message: textLike(/in the way/),
  })
  await chmod(other, 0o755)
})
