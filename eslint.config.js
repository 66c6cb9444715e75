// Type-aware lint and the bans that hold the house (STYLE: core is pure, one reader of the environment, no console).
import tseslint from 'typescript-eslint'

/** What runs in a browser. */
const BROWSER = ['webserver/pages/**/browser.ts', 'webserver/pages/**/browser/**']

const bans = (...list) => ['error', ...list.map(([selector, message]) => ({ selector, message }))]

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'facade/**',
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
      'no-restricted-syntax': bans([
        "MemberExpression[object.name='process'][property.name='env']",
        'process.env is read only in runtime/config.ts, so that every setting has a name, a default and a check.',
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
          message: 'core/ is pure: no I/O, timers, chance or environment (STYLE §1).',
        })),
      ],
    },
  },
)
