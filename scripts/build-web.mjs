// The web part of the build: templates precompiled, validators generated, browser modules bundled, styles, fonts, icons
// and logos copied under names that hold their hash. Runs after tsc, writes dist/webserver/built.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'
import addFormats from 'ajv-formats'
import { build } from 'esbuild'
import Handlebars from 'handlebars'
import { minifyTemplate } from './minify-template.mjs'
import { listOperations, readDocument, toJsonSchema } from './openapi-schemas.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'webserver')
const out = join(root, 'dist', 'webserver', 'built')
const require = createRequire(import.meta.url)

const files = {}
const TYPES = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
  txt: 'text/plain; charset=utf-8',
}

/** Writes a static file under its hashed name, and a compressed copy where that helps. */
function put(name, content) {
  const body = Buffer.from(content)
  const dot = name.lastIndexOf('.')
  const kind = name.slice(dot + 1)
  const path = `${name.slice(0, dot)}.${createHash('sha256').update(body).digest('hex').slice(0, 10)}.${kind}`
  writeFileSync(join(out, 'static', path), body)
  if (kind !== 'woff2') writeFileSync(join(out, 'static', `${path}.gz`), gzipSync(body, { level: 9 }))
  files[name] = { path, type: TYPES[kind] }
  return path
}

function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else yield path
  }
}

/** Every helper a template may call: a name that is none of these and no value is a mistake, told at build. */
const KNOWN_HELPERS = {
  if: true,
  unless: true,
  each: true,
  with: true,
  lookup: true,
  eq: true,
  and: true,
  or: true,
  not: true,
  t: true,
  icon: true,
  cell: true,
  badge: true,
  time: true,
  asset: true,
  json: true,
}

const pages = join(source, 'pages')
/** Path inside a folder, with `/` on every system. */
const inside = (folder, path) => relative(folder, path).replaceAll('\\', '/')

/** A template's name is its path below pages/: `dag/grid/page`, as a page and as a partial. */
function buildTemplates() {
  const parts = [...walk(pages)]
    .filter((path) => path.endsWith('.hbs'))
    .sort()
    .map((path) => {
      const name = inside(pages, path).replace(/\.hbs$/, '')
      const text = readFileSync(path, 'utf8')
      // Unescaped output is banned; markup of our own comes through helpers.
      if (/\{\{\{|\{\{&/.test(text)) throw new Error(`${name}: unescaped output in a template`)
      if (/\sstyle=|\son[a-z]+=/.test(text)) throw new Error(`${name}: inline style or handler in a template`)
      const code = Handlebars.precompile(minifyTemplate(text), {
        strict: true,
        assumeObjects: false,
        knownHelpers: KNOWN_HELPERS,
        preventIndent: true,
      })
      return `${JSON.stringify(name)}: ${code}`
    })
  writeFileSync(join(out, 'templates.mjs'), `export const templates = {\n${parts.join(',\n')}\n}\n`)
}

const LOGIN_BODY = {
  type: 'object',
  properties: { username: { type: 'string', minLength: 1 }, password: { type: 'string', minLength: 1 } },
  required: ['username', 'password'],
  additionalProperties: false,
}
/** The bodies of the document that handlers read; what they name is what is made. */
const { BODY_NAMES } = await import(pathToFileURL(join(root, 'dist', 'webserver', 'assets.js')).href)
const BODIES = BODY_NAMES.filter((name) => name !== 'LoginBody')

async function buildValidators(document) {
  const ajv = new Ajv({ strict: false, allErrors: true, code: { source: true, esm: true } })
  addFormats.default(ajv)
  ajv.addSchema({ $id: 'doc', components: { schemas: toJsonSchema(document.components.schemas) } })
  const names = Object.fromEntries(BODIES.map((name) => [name, `doc#/components/schemas/${name}`]))
  ajv.addSchema({ $id: 'LoginBody', ...LOGIN_BODY })
  const code = standalone.default(ajv, { ...names, LoginBody: 'LoginBody' })
  const list = [...BODIES, 'LoginBody']
  await build({
    stdin: {
      contents: `${code}\nexport const validators = { ${list.join(', ')} }`,
      resolveDir: root,
      loader: 'js',
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: join(out, 'validators.mjs'),
    logLevel: 'warning',
  })
}

/** The script of a page is the `browser.ts` of its folder, served under the folder's name: `dag-grid.js`. */
async function buildBrowser() {
  const entries = [...walk(pages)]
    .filter((path) => path.endsWith(`${sep}browser.ts`))
    .map((path) => ({ in: path, out: inside(pages, dirname(path)).replaceAll('/', '-') }))
  const result = await build({
    entryPoints: entries,
    bundle: true,
    format: 'iife',
    target: ['chrome125', 'firefox126', 'safari17.5'],
    minify: true,
    write: false,
    outdir: out,
    tsconfig: join(source, 'tsconfig.browser.json'),
    logLevel: 'warning',
  })
  for (const file of result.outputFiles) put(relative(out, file.path), file.contents)
}

const ICONS = (
  'house workflow list scroll-text box inbox sliders-horizontal search chevron-down chevron-right chevron-up ' +
  'play pause rotate-ccw x check calendar copy link download wrap-text arrow-down-to-line funnel clock globe ' +
  'triangle-alert info circle-help database cpu lock pencil trash-2 plus ellipsis git-commit-horizontal ' +
  'flask-conical log-out panel-right file diff user chart-column undo-2 arrow-up arrow-down sun-moon book-open ' +
  'key-round plug chevron-left activity'
).split(' ')

function buildIcons() {
  const folder = join(dirname(require.resolve('lucide-static/package.json')), 'icons')
  const symbols = ICONS.map((name) => {
    const svg = readFileSync(join(folder, `${name}.svg`), 'utf8')
    const inner = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg)?.[1]
    if (inner === undefined) throw new Error(`icon ${name} has no content`)
    return `<symbol id="${name}" viewBox="0 0 24 24">${inner.replaceAll(/\s+/g, ' ').trim()}</symbol>`
  })
  put('icons.svg', `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`)
}

/** Latin subsets only: Hangul comes from the system, the page has a budget. */
function buildFonts() {
  const font = (packageName, file) =>
    readFileSync(join(dirname(require.resolve(`${packageName}/package.json`)), 'files', file))
  const inter = put('inter.woff2', font('@fontsource-variable/inter', 'inter-latin-wght-normal.woff2'))
  const mono = put(
    'jetbrains-mono.woff2',
    font('@fontsource-variable/jetbrains-mono', 'jetbrains-mono-latin-wght-normal.woff2'),
  )
  const range =
    'U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,U+20AC,U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD'
  const face = (family, path) =>
    `@font-face{font-family:"${family}";font-style:normal;font-display:swap;font-weight:100 ` +
    `900;src:url("/static/${path}") format("woff2");unicode-range:${range}}`
  return `${face('Inter Variable', inter)}${face('JetBrains Mono Variable', mono)}\n`
}

/** What every page has, in its order; pages add to it, and no page to another. */
const FRAME_STYLES = [
  'tokens',
  'base',
  'shell',
  'head',
  'controls',
  'states',
  'lists',
  'panels',
  'phone',
  'frame',
  'source',
  'bare',
].map((name) => `frame/${name}.css`)
const FIRST_STYLES = [...FRAME_STYLES, 'forms/forms.css']

async function buildStyles(fonts) {
  const own = [...walk(pages)]
    .map((path) => inside(pages, path))
    .filter((path) => path.endsWith('.css') && !FIRST_STYLES.includes(path))
    .sort()
  const css = [...FIRST_STYLES, ...own].map((path) => readFileSync(join(pages, path), 'utf8')).join('\n')
  const charts = readFileSync(join(dirname(require.resolve('uplot/package.json')), 'dist', 'uPlot.min.css'), 'utf8')
  const result = await build({
    stdin: { contents: fonts + charts + css, loader: 'css' },
    minify: true,
    write: false,
    logLevel: 'warning',
  })
  put('baram.css', result.outputFiles[0].contents)
}

function buildLogos() {
  for (const name of ['favicon.svg', 'logo.svg']) put(name, readFileSync(join(pages, 'frame', name)))
}

rmSync(out, { recursive: true, force: true })
mkdirSync(join(out, 'static'), { recursive: true })
const document = readDocument()
buildTemplates()
buildIcons()
buildLogos()
await Promise.all([buildValidators(document), buildBrowser(), buildStyles(buildFonts())])
writeFileSync(join(out, 'manifest.json'), JSON.stringify({ files, operations: listOperations(document) }))
