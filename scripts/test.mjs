// `npm test` after build and check: every test that needs no outside server, and one closing line that counts them.

import { existsSync } from 'node:fs'
import { runVitest } from './run-vitest.mjs'

const hasChromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].some(existsSync)
if (!hasChromium) console.log('\nNO CHROMIUM FOUND: the browser tests are skipped (Debian: apt-get install chromium)\n')

runVitest(['--reporter=default', ...process.argv.slice(2)], { projects: ['unit', 'system'] })
