// The program that runs the TypeScript compiler: the user's own version where there is one, else ours. Started by path: as
// a thread of `dagctl check`, so that the files are compiled and read meanwhile, or as a process of the dag-processor's,
// which a compiler that dies or is the user's own must not take with it.

import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import type TypeScript from 'typescript'
import { packageRoot } from '../../runtime/paths.ts'
import type { CheckFault } from './fault.ts'
import { type BranchChoice, findBranches, findFloating } from './types-rules.ts'
import { wordsOf } from './types-words.ts'

export interface TypesRequest {
  /** Absolute. */
  readonly folder: string
  readonly files: readonly string[]
}

export interface TypesAnswer {
  readonly faults: readonly CheckFault[]
  readonly branches: readonly BranchChoice[]
  /** `5.9.3 of your project`, with the configuration. */
  readonly compiler: string
  /** Its start: loading it, and reading the declarations of the language, Node and Baram. Then the check itself. */
  readonly ms: { readonly start: number; readonly check: number }
}

type Ts = typeof TypeScript
/** What the compiler says of imports that it cannot find; the bundler looks at those of texts. */
const NOT_FOUND = 2307

/** The user's own compiler, if it has the interface we use (version 7 has another), else ours. */
function loadCompiler(folder: string): { ts: Ts; whose: string } {
  for (const [from, whose] of [
    [join(folder, 'check.js'), 'of your project'],
    [join(packageRoot, 'package.json'), 'of Baram'],
  ] as const) {
    try {
      // Whatever is found there is asked for what is used of it.
      const ts = createRequire(from)('typescript') as Partial<Ts>
      if (typeof ts.createProgram === 'function' && typeof ts.version === 'string') return { ts: ts as Ts, whose }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND')) throw error
    }
  }
  throw new Error('there is no TypeScript to check with; run npm install in the folder of Baram')
}

/** The folder of `@types` that has Node's: the user's, else ours. */
function typeRoots(folder: string): string[] {
  for (const from of [join(folder, 'check.js'), join(packageRoot, 'package.json')]) {
    try {
      return [dirname(dirname(createRequire(from).resolve('@types/node/package.json')))]
    } catch {
      // Not installed there.
    }
  }
  return []
}

/** For DAGs folders without a tsconfig: strict, and nothing that depends on a package.json around it. */
function strictOptions(ts: Ts, folder: string): TypeScript.CompilerOptions {
  return {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    strict: true,
    resolveJsonModule: true,
    typeRoots: typeRoots(folder),
    types: ['node'],
  }
}

/** Where `baram` and the façade's names lie when the user's project does not have them itself. */
function productPaths(): Record<string, string[]> {
  const dist = (name: string) => [join(packageRoot, 'dist', name)]
  const facade = (name: string) => [join(packageRoot, 'sdk/facade/package', name)]
  return {
    baram: dist('sdk/index.d.ts'),
    'baram/testing': dist('testing/index.d.ts'),
    'baram/operators': dist('operators/index.d.ts'),
    'baram/operators/*': dist('operators/*/index.d.ts'),
    'baram/pipelines/*': dist('pipelines/*/index.d.ts'),
    ...Object.fromEntries(
      ['@apache-airflow/ts-sdk', 'apache-airflow-ts-sdk'].flatMap((name) => [
        [name, facade('index.d.ts')],
        [`${name}/coordinator`, facade('index.d.ts')],
        [`${name}/hitl`, facade('hitl.d.ts')],
      ]),
    ),
  }
}

function readOptions(ts: Ts, { folder, files }: TypesRequest) {
  const path = ts.findConfigFile(folder, (file) => ts.sys.fileExists(file))
  let options = strictOptions(ts, folder)
  if (path !== undefined) {
    const { config } = ts.readConfigFile(path, (file) => ts.sys.readFile(file)) as { config: unknown }
    options = ts.parseJsonConfigFileContent(config, ts.sys, dirname(path), undefined, path).options
  }
  for (const key of [
    'composite',
    'declaration',
    'declarationMap',
    'emitDeclarationOnly',
    'sourceMap',
    'rootDir',
    'tsBuildInfoFile',
  ])
    delete options[key]
  // Neither does a DAG file have to be part of a build, nor is anything written.
  const fixed = { noEmit: true, skipLibCheck: true, allowImportingTsExtensions: true, noUnusedLocals: false }
  const all: TypeScript.CompilerOptions = { ...options, ...fixed, incremental: false }
  const host = {
    fileExists: (file: string) => ts.sys.fileExists(file),
    readFile: (file: string) => ts.sys.readFile(file),
  }
  const [first] = files
  const own = first === undefined ? undefined : ts.resolveModuleName('baram', first, all, host).resolvedModule
  // In the product's own repository the name leads to its sources: reading those costs four times as much.
  const isSource = own !== undefined && !own.resolvedFileName.endsWith('.d.ts')
  if (own === undefined || isSource) all.paths = { ...all.paths, ...productPaths() }
  return { options: all, path }
}

const isAuthors = (file: TypeScript.SourceFile, folder: string) =>
  !file.isDeclarationFile && file.fileName.startsWith(folder) && !file.fileName.includes('/node_modules/')

function faultOf(ts: Ts, fault: TypeScript.Diagnostic, folder: string): CheckFault {
  const { file, start = 0 } = fault
  const at = file === undefined ? null : ts.getLineAndCharacterOfPosition(file, start)
  return {
    file: file === undefined ? null : relative(folder, file.fileName),
    line: at === null ? null : at.line + 1,
    column: at === null ? null : at.character + 1,
    code: `TS${fault.code}`,
    message: wordsOf(ts, fault),
    level: 'error',
  }
}

const isTextImport = (ts: Ts, fault: TypeScript.Diagnostic) =>
  fault.code === NOT_FOUND && /\.(sql|hql)'/.test(ts.flattenDiagnosticMessageText(fault.messageText, ' '))

function run(request: TypesRequest): TypesAnswer {
  const began = performance.now()
  const { ts, whose } = loadCompiler(request.folder)
  const { folder } = request
  const { options, path } = readOptions(ts, request)
  // Not incrementally: what is kept of the last time saves less than reading it costs (20 of 3,000 ms).
  const program = ts.createProgram([...request.files], options)
  const checker = program.getTypeChecker()
  const started = performance.now()
  const files = program.getSourceFiles().filter((file) => isAuthors(file, folder))
  const diagnostics = [
    ...program.getOptionsDiagnostics(),
    ...files.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ]
  const faults = diagnostics.filter((fault) => !isTextImport(ts, fault)).map((fault) => faultOf(ts, fault, folder))
  const rules = files.map((file) => ({ file, name: relative(folder, file.fileName) }))
  return {
    faults: [...faults, ...rules.flatMap(({ file, name }) => findFloating(ts, checker, file, name))],
    branches: rules.flatMap(({ file, name }) => findBranches(ts, checker, file, name)),
    compiler: `TypeScript ${ts.version} ${whose}, ${path === undefined ? 'strict' : relative(process.cwd(), path)}`,
    ms: { start: Math.round(started - began), check: Math.round(performance.now() - started) },
  }
}

// Both are given by our own starters (types.ts, types-process.ts).
if (parentPort !== null) parentPort.postMessage(run(workerData as TypesRequest))
else
  process.once('message', (request: TypesRequest) => {
    process.send?.(run(request), () => process.disconnect())
  })
