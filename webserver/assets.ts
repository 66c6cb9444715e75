// What the build made: page templates, body validators, hashed static files, and the list of the API document's
// operations. Loaded once at start; nothing is compiled while serving.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BaramError } from '../core/errors.ts'
import { packageRoot } from '../runtime/paths.ts'

export const BODY_NAMES = [
  'BackfillPostBody',
  'BulkBody_BulkDAGRunBody_',
  'BulkBody_BulkTaskInstanceBody_',
  'BulkBody_ConnectionBody_',
  'BulkBody_PoolBody_',
  'BulkBody_VariableBody_',
  'BulkDAGRunClearBody',
  'ClearPartitionsBody',
  'ClearTaskInstancesBody',
  'ConnectionBody',
  'DAGPatchBody',
  'DAGRunClearBody',
  'DAGRunPatchBody',
  'DAGRunsBatchBody',
  'LoginBody',
  'PatchTaskInstanceBody',
  'PoolBody',
  'PoolPatchBody',
  'TaskInstancesBatchBody',
  'TriggerDAGRunPostBody',
  'VariableBody',
  'XComCreateBody',
  'XComUpdateBody',
] as const
export type BodyName = (typeof BODY_NAMES)[number]

export interface SchemaFault {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface StaticFile {
  readonly type: string
  readonly plain: Buffer
  readonly gzip: Buffer | null
}

export interface Operation {
  readonly method: string
  readonly path: string
  readonly operationId: string
}

export interface Assets {
  /** The URL of a static file by its plain name. */
  url(name: string): string
  file(hashedName: string): StaticFile | null
  validate(name: BodyName, body: unknown): readonly SchemaFault[]
  readonly templates: Readonly<Record<string, unknown>>
  readonly operations: readonly Operation[]
}

type Validator = ((body: unknown) => boolean) & { errors?: readonly SchemaFault[] | null }

interface Manifest {
  readonly files: Readonly<Record<string, { readonly path: string; readonly type: string }>>
  readonly operations: readonly Operation[]
}

const folder = join(packageRoot, 'dist', 'webserver', 'built')

/** @throws BaramError CONFIG_INVALID when the web part was not built */
export async function loadAssets(): Promise<Assets> {
  const manifestPath = join(folder, 'manifest.json')
  if (!existsSync(manifestPath))
    throw new BaramError('CONFIG_INVALID', `${manifestPath} is missing: run npm run build, which makes the pages`)
  const parsed: unknown = JSON.parse(readFileSync(manifestPath, 'utf8'))
  const load = async (name: string): Promise<unknown> => import(pathToFileURL(join(folder, name)).href)
  // These three were written by our own build, in exactly these forms.
  const manifest = parsed as Manifest
  const { templates } = (await load('templates.mjs')) as { templates: Record<string, unknown> }
  const { validators } = (await load('validators.mjs')) as { validators: Record<BodyName, Validator> }
  const files = new Map<string, StaticFile>()
  for (const { path, type } of Object.values(manifest.files)) {
    const gzipPath = join(folder, 'static', `${path}.gz`)
    files.set(path, {
      type,
      plain: readFileSync(join(folder, 'static', path)),
      gzip: existsSync(gzipPath) ? readFileSync(gzipPath) : null,
    })
  }
  return {
    url(name) {
      const file = manifest.files[name]
      if (file === undefined) throw new BaramError('CONFIG_INVALID', `the build made no static file ${name}`)
      return `/static/${file.path}`
    },
    file: (hashedName) => files.get(hashedName) ?? null,
    validate(name, body) {
      const validator = validators[name]
      return validator(body) ? [] : (validator.errors ?? [])
    },
    templates,
    operations: manifest.operations,
  }
}
