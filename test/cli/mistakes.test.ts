// Sixty and more mistakes of authors: each is found by `dagctl check`, at its line, in a sentence that says what to do.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBaram, type TestBaram } from '../support/baram.ts'
import { FILE_MISTAKES } from './mistakes/files.ts'
import { GRAPH_MISTAKES } from './mistakes/graph.ts'
import type { Mistake } from './mistakes/mistake.ts'
import { OPTION_MISTAKES } from './mistakes/options.ts'
import { TYPE_MISTAKES } from './mistakes/types.ts'

interface Found {
  readonly file: string
  readonly line: number | null
  readonly code: string
  readonly message: string
}

const MISTAKES = [...TYPE_MISTAKES, ...OPTION_MISTAKES, ...GRAPH_MISTAKES, ...FILE_MISTAKES]
const fileOf = (mistake: Mistake) => `m${String(MISTAKES.indexOf(mistake) + 1).padStart(2, '0')}.ts`
const show = ({ line, code, message }: Found) => `${line}  ${code}  ${message}`

describe('mistakes of authors', () => {
  let baram: TestBaram
  let faults: readonly Found[]
  let portability: readonly { readonly dagId: string; readonly isPortable: boolean; readonly because: string[] }[]
  let code: number

  beforeAll(async () => {
    baram = await startBaram({ BARAM__CORE__DAGBAG_IMPORT_TIMEOUT: '8' })
    baram.writeDag(
      'good.ts',
      `import { Dag } from 'baram'\nexport const dag = new Dag('taken')\ndag.task('a', () => 1)()\n`,
    )
    baram.writeDag(
      'portable.ts',
      `import { readFileSync } from 'node:fs'\nimport { Bundle, Dag } from '@apache-airflow/ts-sdk'\nconst dag = ` +
        `new Dag('portable')\ndag.task('a', () => readFileSync('/etc/hostname', 'utf8'))()\nawait new ` +
        `Bundle(dag).serve()\n`,
    )
    for (const mistake of MISTAKES)
      baram.writeDag(fileOf(mistake), mistake.text.replaceAll('$id', fileOf(mistake).replace('.ts', '')))
    const answer = await baram.dagctl('check', '--json')
    const result = JSON.parse(answer.stdout) as { faults: Found[]; portability: typeof portability }
    ;({ faults, portability } = result)
    ;({ code } = answer)
  })
  afterAll(() => baram.stop())

  it('are at least sixty', () => {
    expect(MISTAKES.length).toBeGreaterThanOrEqual(60)
  })

  it.each(MISTAKES)('$name', (mistake) => {
    const here = faults.filter((fault) => fault.file === fileOf(mistake))
    const fits = here.some(
      ({ code, line, message }) => code === mistake.code && line === mistake.line && message.includes(mistake.says),
    )
    expect(
      fits,
      `expected ${mistake.line}  ${mistake.code}  …${mistake.says}…, found\n${here.map(show).join('\n')}`,
    ).toBe(true)
  })

  it('are none in files without mistakes, and end with exit code 1', () => {
    expect(faults.filter((fault) => ['good.ts', 'portable.ts'].includes(fault.file))).toEqual([])
    expect(code).toBe(1)
  })

  it('the report of portability names what Airflow does not have, and where', () => {
    expect(portability.find((each) => each.dagId === 'portable')).toMatchObject({ isPortable: true, because: [] })
    expect(portability.find((each) => each.dagId === 'taken')).toMatchObject({
      isPortable: false,
      because: ['it imports "baram", which only Baram has (good.ts:1)'],
    })
  })
})
