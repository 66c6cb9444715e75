// `npm run verify:sinks`: every sink killed at every step and tried again, on the embedded backends. `-- --real`: on real servers.

import { runVitest } from './run-vitest.mjs'

const isReal = process.argv.includes('--real')
const rest = process.argv.slice(2).filter((argument) => argument !== '--real')

runVitest(['--config=vitest.sinks.config.ts', ...(isReal ? ['--mode=real'] : []), '--reporter=verbose', ...rest], {
  skipNote: 'SKIPPED: some servers are missing on this machine (see NOT RUN above)',
})
