// The floors of the house: one rule a room, made from the table below. Imports point down, never to a neighbour.
const mayImport = {
  core: [],
  sdk: ['core'],
  runtime: ['core'],
  store: ['core', 'runtime'],
  engine: ['core', 'runtime', 'store'],
  child: ['core', 'sdk'],
  // Runs a DAG in one process, by the child's own program for an attempt.
  testing: ['core', 'sdk', 'child'],
  operators: ['sdk'],
  // The examples' own code, as a user's project would have it; nothing of the product stands on it.
  pipelines: ['sdk', 'operators'],
  dags: ['sdk', 'operators', 'pipelines'],
  migrations: [],
  scheduler: ['core', 'runtime', 'store', 'engine'],
  worker: ['core', 'runtime', 'store', 'engine'],
  webserver: ['core', 'runtime', 'store', 'engine'],
  services: ['core', 'runtime'],
  cli: ['core', 'sdk', 'runtime', 'store', 'engine', 'scheduler', 'worker', 'webserver', 'migrations', 'services', 'testing', 'operators'],
}
const rooms = Object.keys(mayImport)
const floors = rooms.map((room) => ({
  name: `floor-${room}`,
  comment: `${room}/ may import only from: ${mayImport[room].join(', ') || 'nothing of ours'} (docs/architecture.md#folders).`,
  severity: 'error',
  from: { path: `^${room}/` },
  to: { path: `^(${[...rooms, 'test', 'bench', 'scripts'].filter((r) => r !== room && !mayImport[room].includes(r)).join('|')})/` },
}))

module.exports = {
  forbidden: [
    ...floors,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    {
      name: 'webserver-no-circular',
      comment: 'Rooms of the pages know each other one way, also by their types.',
      severity: 'error',
      from: { path: '^webserver/' },
      to: { path: '^webserver/', circular: true },
    },
    {
      name: 'knex-only-in-store',
      comment: 'SQL is written in store/ and migrations/ alone.',
      severity: 'error',
      from: { pathNot: '^(store|migrations|test|bench)/' },
      to: { path: 'node_modules/knex' },
    },
    {
      name: 'pg-only-in-store',
      severity: 'error',
      from: { pathNot: '^(store|migrations|test|bench|operators/postgres|operators/document-index)/' },
      to: { path: 'node_modules/pg/' },
    },
    {
      name: 'core-without-node',
      comment: 'core/ is pure: no node built-in, and only croner, temporal-polyfill, @noble/hashes and @cfworker/json-schema (an interpreter of schemas: params are checked without generated code) from outside.',
      severity: 'error',
      from: { path: '^core/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-packages',
      severity: 'error',
      from: { path: '^core/' },
      to: { path: 'node_modules', pathNot: 'node_modules/(croner|temporal-polyfill|temporal-utils|temporal-spec|@noble/hashes|@cfworker/json-schema)' },
    },
    { name: 'not-to-test', severity: 'error', from: { pathNot: '^(test|bench)/' }, to: { path: '^(test|bench)/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
