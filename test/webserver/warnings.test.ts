// Warnings of a DAG: on its pages, in the list, and on pages that are open.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordTypeFaults, type TypeFault } from '../../engine/dags/type-warnings.ts'
import { RUN_REFUSED } from '../../engine/runs/create.ts'
import { putDagWarning } from '../../store/postgres/dag-warnings.ts'
import { eventually } from '../support/baram.ts'
import { makeDag, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
beforeAll(async () => {
  web = await startWeb()
  for (const id of ['hello', 'other', 'refused']) await storeDag(web, makeDag(id, { tasks: ['a'] }))
})
afterAll(() => web.stop())

const fault: TypeFault = {
  file: 'hello.ts',
  line: 12,
  column: 5,
  message: "Type '<b>' is not assignable to type 'number'.",
}

/** As a check of types records them, of the version that is stored. */
async function record(faults: readonly TypeFault[]): Promise<void> {
  const { rows } = await web.database.query<{ module_hash: string; file: string }>(
    `select v.module_hash, d.relative_fileloc as file from dag_version v join dag d using (dag_id) where dag_id = 'hello'`,
  )
  const [row] = rows
  if (row === undefined) throw new Error('hello is not stored')
  const own = faults.map((each) => ({ ...each, file: row.file }))
  await recordTypeFaults(web.database, [{ name: row.file, moduleHash: row.module_hash, faults: own }])
}

const page = async (path: string) => (await web.call('GET', path, { headers: { accept: 'text/html' } })).text
const noteOf = (html: string) => /<div id="dag-note"[\s\S]*?<nav/.exec(html)?.[0] ?? ''
const rowOf = (html: string, dagId: string) =>
  html.split('<tr class="item">').find((row) => row.includes(`href="/dags/${dagId}"`)) ?? ''

test.each(['', '/graph', '/runs', '/code'])(
  'type errors are a note below the facts of a DAG, with their places: /dags/hello%s',
  async (tab) => {
    await record([fault, { ...fault, line: 14 }])
    const note = noteOf(await page(`/dags/hello${tab}`))
    expect(note).toMatch(/<span class="mono">[^<]*hello\.ts<\/span> has 2 type errors\. Runs are not affected\./)
    expect(note).toMatch(/<li>[^<]*hello\.ts:12:5 Type &#x27;&lt;b&gt;&#x27; is not assignable/)
    expect(note).toContain(':14:5 ')
    expect(noteOf(await page(`/dags/other${tab}`))).not.toContain('note warn')
  },
)

test('a run that could not be created is a note as well', async () => {
  await putDagWarning(web.database, 'refused', RUN_REFUSED, 'its next run could not be made: the date is out of range')
  expect(noteOf(await page('/dags/refused'))).toContain('Its next run could not be made: the date is out of range')
})

test('the list of DAGs marks those that have a warning', async () => {
  await record([fault])
  const html = await page('/dags')
  expect(rowOf(html, 'hello')).toContain('<span class="tag warn">warning</span>')
  expect(rowOf(html, 'other')).not.toContain('tag warn')
  await record([])
  expect(rowOf(await page('/dags'), 'hello')).not.toContain('tag warn')
})

test.each(['dag:hello', 'dags'])('open pages are told of a new warning, and of its end: %s', async (topic) => {
  await record([])
  const token = await web.token('viewer')
  const abort = new AbortController()
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${web.url}/ui/events?topics=${topic}`, { headers, signal: abort.signal })
  let text = ''
  const reading = (async () => {
    const decoder = new TextDecoder()
    // The body of a response is bytes.
    const body = response.body as AsyncIterable<Uint8Array> | null
    for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true })
  })().catch(() => undefined)
  const told = () => text.split('event: dag').length - 1
  await eventually('the stream to be open', () => text.includes('event: hello'))
  await record([fault])
  await eventually('the page to be told', () => told() >= 1)
  const before = told()
  await record([])
  await eventually('the page to be told of its end', () => told() > before)
  abort.abort()
  await reading
})
