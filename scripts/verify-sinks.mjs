// `npm run verify:sinks`: every sink killed at every step and tried again, on the embedded backends. All arguments go to vitest.

import { runVitest } from './run-vitest.mjs'

runVitest(['--reporter=verbose', ...process.argv.slice(2)], { projects: ['sinks'] })
