// A crontab as a DAG file: what is carried over, and what says why it is not.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { importCrontab } from '../../cli/crontab.ts'
import type { FacadeDag } from '../../sdk/dag.ts'
import { serializeDag } from '../../sdk/serialize.ts'

// Inside the project: `baram` must mean what it means to our own tests.
const folder = mkdtempSync(join(import.meta.dirname, 'crontab-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let n = 0
async function dagsOf(text: string): Promise<readonly { id: string; schedule: unknown; zone: unknown }[]> {
  n += 1
  const file = join(folder, `dags-${n}.ts`)
  writeFileSync(file, importCrontab(text, 'Asia/Seoul').text)
  // The file is our own making: a list of DAGs.
  const { default: dags } = (await import(file)) as { default: readonly FacadeDag[] }
  return dags.map((dag) => {
    const { dagId, timetable } = serializeDag(dag, { maxActiveTasks: 16, maxActiveRuns: 16 })
    return timetable.kind === 'cron'
      ? { id: dagId, schedule: timetable.expression, zone: timetable.timezone }
      : { id: dagId, schedule: timetable.kind, zone: null }
  })
}

describe('import-crontab', () => {
  it('makes a DAG of each line, with its schedule, its zone, and an id of its program', async () => {
    const text = `# crawl
0 7-19 * * * /home/me/crawl.py --all >> /tmp/log 2>&1
CRON_TZ=UTC
@daily cd /srv && ./backup.sh
*/5 * * * 1-5 /home/me/crawl.py
`
    expect(await dagsOf(text)).toEqual([
      { id: 'crawl', schedule: '0 7-19 * * *', zone: 'Asia/Seoul' },
      { id: 'backup', schedule: '@daily', zone: 'UTC' },
      { id: 'crawl_2', schedule: '*/5 * * * 1-5', zone: 'UTC' },
    ])
  })

  it('keeps environment, input after %, quotes, and braces that are no template', async () => {
    const { text } = importCrontab('LANG="ko_KR.UTF-8"\n0 0 * * * echo "a\\%b" {{x}}%first%second\n', 'UTC')
    expect(text).toContain(String.raw`echo \"a%b\" \\{{x}}`)
    expect(text).toContain('LANG: "ko_KR.UTF-8", CRON_INPUT: "first\\nsecond"')
    expect(await dagsOf('0 0 * * * echo "it\'s `here`"\n')).toHaveLength(1)
  })

  it('says of what it leaves out why, and leaves out no line without a word', () => {
    const lines = ['@reboot /bin/start', 'MAILTO=me@x', '61 * * * * broken', 'nonsense', '0 0 * * * fine']
    const { text, dags, kept } = importCrontab(lines.join('\n'), 'UTC')
    expect([dags, kept]).toEqual([1, 4])
    for (const line of lines) expect(text).toContain(line)
    expect(text).toContain('@reboot has no schedule')
    expect(text).toContain('MAILTO is not carried over')
  })

  it('of an empty crontab is an empty list', async () => {
    expect(await dagsOf('\n# nothing\n')).toEqual([])
  })
})
