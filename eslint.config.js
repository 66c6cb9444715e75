// Type-aware lint and the bans that hold the house (STYLE: core is pure, one reader of the environment, no console).
import tseslint from 'typescript-eslint'

/** What authors read in their editor: an exported declaration, or a member of an exported interface, without a doc comment. */
const documented = {
  meta: { type: 'suggestion', schema: [{ type: 'object', properties: { interfaces: { type: 'string' } } }] },
  create(context) {
    const { interfaces } = context.options[0] ?? {}
    const isMeant = (name) => interfaces === undefined || new RegExp(interfaces).test(name)
    /** An overload of what stands just before it is documented there. */
    const isOverload = (node, list, nameOf) => nameOf(list[list.indexOf(node) - 1]) === nameOf(node)
    const declared = (node) => node?.declaration?.id?.name ?? node?.declaration?.declarations?.[0]?.id.name
    const key = (member) => member?.key && context.sourceCode.getText(member.key)
    const require = (node, name) => {
      const comments = context.sourceCode.getCommentsBefore(node)
      if (comments.some(({ type, value }) => type === 'Block' && value.startsWith('*'))) return
      const message =
        'Authors read this in their editor: say in a doc comment what {{name}} means, its unit, default and error.'
      context.report({ node, message, data: { name } })
    }
    return {
      'ExportNamedDeclaration[declaration]'(node) {
        if (interfaces === undefined && !isOverload(node, node.parent.body, declared)) require(node, declared(node))
      },
      'ExportNamedDeclaration > TSInterfaceDeclaration'({ id, body }) {
        if (!isMeant(id.name)) return
        for (const member of body.body)
          if (member.key !== undefined && !isOverload(member, body.body, key))
            require(member, `${id.name}.${key(member)}`)
      },
    }
  },
}

/** Columns are snake_case, values are not: above store/ a property with such a name is a row that was not read by `rowsOf`. */
const camelCase = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const check = (node) => {
      if (!/[a-z]_[a-z]/.test(node.name ?? '')) return
      const message = 'Rows become values in store/ (rowsOf): name {{name}} in camelCase.'
      context.report({ node, message, data: { name: node.name } })
    }
    return {
      'MemberExpression[computed=false]': ({ property }) => check(property),
      'ObjectPattern > Property[computed=false]': ({ key }) => check(key),
      'TSPropertySignature[computed=false]': ({ key }) => check(key),
    }
  },
}

/** What runs in a browser. */
const BROWSER = ['webserver/pages/**/browser.ts', 'webserver/pages/**/browser/**']

const ENVIRONMENT = [
  "MemberExpression[object.name='process'][property.name='env']",
  'process.env is read only in runtime/config.ts, so that every setting has a name, a default and a check.',
]

const bans = (...list) => ['error', ...list.map(([selector, message]) => ({ selector, message }))]

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'sdk/facade/package/**',
      'node_modules/**',
      'webserver/public/**',
      'webserver/generated/**',
      '*.js',
      '*.cjs',
      'scripts/**',
      'bench/node_modules/**',
    ],
  },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: {
        project: ['./tsconfig.json', './webserver/tsconfig.browser.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/no-unsafe-argument': 'error',
    },
  },
  {
    files: [
      'core/**',
      'sdk/**',
      'runtime/**',
      'store/**',
      'engine/**',
      'scheduler/**',
      'worker/**',
      'webserver/**',
      'operators/**',
      'pipelines/**',
      'testing/**',
      'services/**',
      'migrations/**',
    ],
    ignores: BROWSER,
    rules: { 'no-console': 'error' },
  },
  {
    files: ['**/*.ts'],
    ignores: ['runtime/config.ts', 'test/**', 'bench/**', ...BROWSER, 'core/**'],
    rules: {
      'no-restricted-syntax': bans(ENVIRONMENT),
    },
  },
  {
    files: ['sdk/types.ts', 'sdk/spec.ts', 'sdk/context.ts', 'testing/index.ts'],
    plugins: { house: { rules: { documented } } },
    rules: { 'house/documented': 'error' },
  },
  {
    // Options of operators and of the rest of the SDK, and what testing/ hands out of its other files.
    files: ['operators/**/*.ts', 'pipelines/**/*.ts', 'sdk/**/*.ts', 'testing/**/*.ts'],
    ignores: ['sdk/types.ts', 'sdk/spec.ts', 'sdk/context.ts', 'testing/index.ts', 'testing/driver.ts'],
    plugins: { house: { rules: { documented } } },
    rules: { 'house/documented': ['error', { interfaces: '(Options|Spec|Opts)$|^(LogLine|StartedRun)$' }] },
  },
  {
    files: ['engine/**/*.ts', 'scheduler/**/*.ts', 'worker/**/*.ts', 'webserver/pages/**/*.ts', 'cli/**/*.ts'],
    // The fields of its form, as the browser sends them.
    ignores: ['webserver/pages/trigger/**'],
    plugins: { house: { rules: { documented, camelCase } } },
    rules: { 'house/camelCase': 'error' },
  },
  {
    files: ['store/postgres/**/*.ts'],
    rules: {
      'no-restricted-syntax': bans(ENVIRONMENT, [
        "CallExpression[callee.property.name='query'][typeArguments]",
        'Rows are read by rowsOf (store/rows.ts), which names their columns in camelCase.',
      ]),
    },
  },
  {
    files: ['core/**/*.ts'],
    rules: {
      'no-restricted-syntax': bans(
        [
          "MemberExpression[object.name='Date'][property.name='now']",
          'core/ has no clock: take the instant as an argument.',
        ],
        [
          "NewExpression[callee.name='Date'][arguments.length=0]",
          'core/ has no clock: take the instant as an argument.',
        ],
        [
          "MemberExpression[object.name='Math'][property.name='random']",
          'core/ has no chance: take a random source as an argument.',
        ],
        ["MemberExpression[object.name='performance']", 'core/ has no clock: take the instant as an argument.'],
      ),
      'no-restricted-globals': [
        'error',
        ...[
          'process',
          'setTimeout',
          'setInterval',
          'setImmediate',
          'queueMicrotask',
          'fetch',
          'crypto',
          'Buffer',
          'console',
        ].map((name) => ({
          name,
          message: 'core/ is pure: no I/O, timers, chance or environment (docs/architecture.md#folders).',
        })),
      ],
    },
  },
)
