// One thing an author got wrong, and what `dagctl check` must say of it.

export interface Mistake {
  readonly name: string
  readonly code: string
  /** Null = the file as a whole. */
  readonly line: number | null
  /** A fragment of the sentence. */
  readonly says: string
  readonly text: string
}

/** A DAG named `$id` around some lines; the first of them is line 3. */
export const inDag = (names: string, lines: string): string =>
  `import { Dag${names === '' ? '' : `, ${names}`} } from 'baram'\nexport const dag = new Dag('$id')\n${lines}\n`
