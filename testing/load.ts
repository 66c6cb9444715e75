// DAGs of a compiled file, loaded into this very process: so that a debugger stops in them.

import { loadModule } from '../child/load.ts'
import type { FacadeDag } from '../sdk/dag.ts'

/** Evaluates a module here. @throws whatever the file throws */
export async function loadHere(modulePath: string): Promise<readonly FacadeDag[]> {
  process.setSourceMapsEnabled(true)
  return (await loadModule(modulePath)).dags
}
