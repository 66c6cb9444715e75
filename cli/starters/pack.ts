// The product as a tarball beside a project's package.json. `baram` is on no registry: a project depends on the very
// product that made it, and can be committed, moved and installed anywhere with that file.

import { execFile } from 'node:child_process'
import { constants, copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BaramError, messageOf } from '../../core/errors.ts'
import { packageRoot, productVersion } from '../../runtime/paths.ts'

/** What `npm pack` calls it. */
export const TARBALL = `baram-${productVersion}.tgz`

/**
 * Of a clone as well as of what npm has installed: both have what the product runs from, so that no script (prepack) is
 * needed, which would need tools that an installed package does not have.
 */
function npmPack(into: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', into]
    execFile('npm', args, { cwd: packageRoot }, (error, _, stderr) => {
      if (error === null) resolve()
      else
        reject(
          new BaramError(
            'REFUSED',
            `the product cannot be packed for the project: expected \`npm pack\` to work in ${packageRoot}, found ${stderr.trim() || messageOf(error)}`,
            { cause: error },
          ),
        )
    })
  })
}

/**
 * Makes the tarball in a folder, never over one that is there.
 * @returns false when there is one
 * @throws BaramError REFUSED when npm is missing or fails
 */
export async function packProduct(folder: string): Promise<boolean> {
  if (readdirSync(folder).includes(TARBALL)) return false
  const scratch = mkdtempSync(join(tmpdir(), 'baram-pack-'))
  try {
    await npmPack(scratch)
    copyFileSync(join(scratch, TARBALL), join(folder, TARBALL), constants.COPYFILE_EXCL)
    return true
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
