// `dagctl db init|migrate|check|confirm-clock|clean`.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { migrations } from '../../migrations/index.ts'
import { loadConfig } from '../../runtime/config.ts'
import { loadKey } from '../../runtime/secrets.ts'
import { checkSchema, migrate } from '../../store/migrate.ts'
import { confirmClock } from '../../store/postgres/clock-holds.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { print } from '../output.ts'
import { makeHome, openContext } from '../wire.ts'
import { addCleanCommand } from './db-clean.ts'

async function migrateNow(isCreating: boolean): Promise<void> {
  const context = await openContext({ name: 'dagctl', level: 'warn', isRaw: true, isCreating })
  try {
    const applied = await migrate(context.database.url, migrations)
    print(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`)
  } finally {
    await context.close()
  }
}

async function check(): Promise<void> {
  const context = await openContext({ name: 'dagctl', level: 'warn', isRaw: true })
  try {
    const { applied, pending, unknown } = await checkSchema(context.database, migrations)
    if (unknown.length > 0)
      throw new BaramError('DATABASE_AHEAD', `the database knows migrations of a newer Baram: ${unknown.join(', ')}`)
    if (pending.length > 0)
      throw new BaramError('DATABASE_BEHIND', `the database lacks ${pending.join(', ')}; run \`dagctl db migrate\``)
    print(
      `The database answers and is up to date (${applied.length} ${applied.length === 1 ? 'migration' : 'migrations'}).`,
    )
  } finally {
    await context.close()
  }
}

async function confirm(): Promise<void> {
  const context = await openContext({ name: 'dagctl', level: 'warn' })
  try {
    const schedulers = await confirmClock(context.database)
    const clock = new Date(await databaseNow(context.database)).toISOString()
    print(
      schedulers === 0
        ? `No scheduler doubts the database's clock (${clock}).`
        : `The database's clock (${clock}) is taken as right; runs are created again within seconds.`,
    )
  } finally {
    await context.close()
  }
}

export function addDbCommands(program: Command): void {
  const db = program.command('db').description('the metadata database')
  db.command('init')
    .description('make the home with its keys, and bring the database to this version')
    .action(async () => {
      const config = loadConfig()
      makeHome(config)
      loadKey(config.home, 'secret', true)
      await migrateNow(true)
    })
  db.command('migrate')
    .description('bring the database to this version')
    .action(() => migrateNow(false))
  db.command('confirm-clock')
    .description('say that the clock of the database is right after it jumped, so that runs are created again')
    .action(confirm)
  db.command('check').description('check that the database answers and is up to date').action(check)
  addCleanCommand(db)
}
