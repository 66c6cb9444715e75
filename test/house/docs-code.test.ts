// Every TypeScript block of the documents compiles against the product's own types, and its DAGs are what the dag-processor takes.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doubtsOf } from '../../child/templates/template-checks.ts'
import { openLoadScope } from '../../sdk/bundle.ts'
import { isDag } from '../../sdk/dag.ts'
import { serializeDag } from '../../sdk/serialize.ts'

const root = resolve(import.meta.dirname, '../..')
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

function blocks(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/^ *```ts\n([\s\S]*?)^ *```/gm)].map(([, code]) => code ?? '')
}

function compile(files: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: unknown
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path)
  host.readFile = (path) => files.get(path) ?? readFile.call(host, path)
  host.getSourceFile = (path, version) => {
    const text = files.get(path)
    return text === undefined ? getSourceFile.call(host, path, version) : ts.createSourceFile(path, text, version)
  }
  const program = ts.createProgram([...files.keys()], options, host)
  return ts
    .getPreEmitDiagnostics(program)
    .map((fault) => `${fault.file?.fileName}: ${ts.flattenDiagnosticMessageText(fault.messageText, '\n')}`)
}

it('code blocks of the documents compile', () => {
  const found = documents.flatMap((document) =>
    blocks(document).map((code, i) => [join(root, 'docs', `${document.replaceAll('/', '_')}_${i}.ts`), code] as const),
  )
  expect(found.length).toBeGreaterThan(1)
  expect(compile(new Map(found))).toEqual([])
}, 60_000)

describe('DAGs in the documents', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'docs-code-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** What the dag-processor would say of the DAGs of one block, and their ids. One at a time: `serve` knows one file. */
  async function read(code: string, name: string): Promise<{ readonly dags: string[]; readonly faults: string[] }> {
    const file = join(folder, name)
    writeFileSync(file, code)
    const scope = openLoadScope()
    const exported: unknown[] = Object.values((await import(pathToFileURL(file).href)) as object)
    const dags = [...new Set([...scope.served, ...exported.filter(isDag)])]
    const faults = dags.flatMap((dag) =>
      doubtsOf(dag, serializeDag(dag, { maxActiveTasks: 16, maxActiveRuns: 16 })).map(({ message }) => message),
    )
    return { dags: dags.map(({ dagId }) => dagId), faults }
  }

  it.each(documents)('of %s are read without a fault', async (document) => {
    for (const [i, code] of blocks(document).entries()) {
      // A block of tests runs its DAG: that is its own business.
      if (/from 'baram\/testing'/.test(code)) continue
      const { dags, faults } = await read(code, `${document.replaceAll('/', '_')}_${i}.ts`)
      expect(faults, `${document}, block ${i}`).toEqual([])
      // A page that goes construct by construct shows each in a DAG that can be taken as it is.
      if (document === 'docs/from-airflow.md') expect(dags, `${document}, block ${i}`).toHaveLength(1)
    }
  })
})
