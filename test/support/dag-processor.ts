// A dag-processor in the test's own process: its folder, its database, and what it makes of them.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { loadConfig } from '../../runtime/config.ts'
import { DagProcessor } from '../../scheduler/dag-processor.ts'
import type { CheckTypes } from '../../scheduler/type-checks.ts'
import { quietLog, type TestEngine } from './engine.ts'

export const dagText = (dagId: string, description = '') =>
  `import { Dag } from 'baram'\nexport const dag = new Dag('${dagId}', { description: '${description}' })\ndag.task('a', () => 1)()\n`

export function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Quick settings: what takes minutes with people takes a second here. */
export async function startDagProcessor(
  engine: TestEngine,
  folder: string,
  home: string,
  settings: Readonly<Record<string, string>> = {},
  checkTypes: CheckTypes | null = null,
): Promise<DagProcessor> {
  mkdirSync(home, { recursive: true })
  const config = loadConfig({
    ...process.env,
    BARAM_HOME: home,
    BARAM__DAG_PROCESSOR__REFRESH_INTERVAL: '1',
    BARAM__DAG_PROCESSOR__STALE_DAG_THRESHOLD: '1',
    ...settings,
  })
  const processor = new DagProcessor({
    config,
    database: engine.database,
    log: quietLog,
    roots: [{ folder, prefix: '' }],
    checkTypes,
    onFatal: () => undefined,
  })
  await processor.start()
  return processor
}

/** Description by id of the DAGs that are active. */
export async function activeDags(engine: TestEngine): Promise<Record<string, string | null>> {
  const rows = await engine.query<{ dag_id: string; description: string | null }>(
    'select dag_id, description from dag where not is_stale order by 1',
  )
  return Object.fromEntries(rows.map((row) => [row.dag_id, row.description]))
}
