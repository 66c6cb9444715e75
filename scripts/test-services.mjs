// `npm run test:services`: the tests that need real servers (Kafka, HDFS, Hive …), and one closing line that counts them.
// `-- --full` runs them at full size; all other arguments go to vitest.

import { runVitest } from './run-vitest.mjs'

const isFull = process.argv.includes('--full')
const rest = process.argv.slice(2).filter((argument) => argument !== '--full')

runVitest(['--reporter=verbose', ...rest], {
  projects: ['real'],
  env: isFull ? { BARAM_SIZES: 'full' } : {},
  skipNote: 'SKIPPED: some servers are missing on this machine (see NOT RUN above)',
})
