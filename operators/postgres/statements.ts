// SQL as text: where its statements end and where its parameters stand, told apart from strings, names and comments.

/**
 * A piece that is no code: strings (also E'…' with backslashes), quoted names, $tag$…$tag$, comments (block comments
 * nest).
 */
function endOfQuoted(sql: string, at: number): number | null {
  const two = sql.slice(at, at + 2)
  if (two === '--') {
    const end = sql.indexOf('\n', at)
    return end === -1 ? sql.length : end
  }
  if (two === '/*') return endOfComment(sql, at)
  const first = sql[at]
  if (first === "'") return endOfString(sql, at, isEscaping(sql, at))
  if (first === '"') return endOfString(sql, at, false)
  if (first !== '$' || /[\w$]/.test(sql[at - 1] ?? '')) return null
  const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(sql.slice(at, at + 66))?.[0]
  if (tag === undefined) return null
  const end = sql.indexOf(tag, at + tag.length)
  return end === -1 ? sql.length : end + tag.length
}

/** `E'…'`: a backslash takes the next character along. */
const isEscaping = (sql: string, at: number) => /[eE]/.test(sql[at - 1] ?? '') && !/[\w$]/.test(sql[at - 2] ?? '')

function endOfString(sql: string, at: number, isEscape: boolean): number {
  const quote = sql[at]
  for (let i = at + 1; i < sql.length; i += 1) {
    if (isEscape && sql[i] === '\\') i += 1
    else if (sql[i] === quote && sql[i + 1] === quote) i += 1
    else if (sql[i] === quote) return i + 1
  }
  return sql.length
}

function endOfComment(sql: string, at: number): number {
  let depth = 1
  for (let i = at + 2; i < sql.length; i += 1) {
    const two = sql.slice(i, i + 2)
    if (two === '/*') depth += 1
    else if (two === '*/') depth -= 1
    else continue
    i += 1
    if (depth === 0) return i + 1
  }
  return sql.length
}

/** Pieces of the text in their order; quoted ones are never looked into. */
function* piecesOf(sql: string): Generator<{ readonly text: string; readonly isCode: boolean }> {
  let from = 0
  for (let at = 0; at < sql.length; ) {
    const end = endOfQuoted(sql, at)
    if (end === null) {
      at += 1
      continue
    }
    if (at > from) yield { text: sql.slice(from, at), isCode: true }
    yield { text: sql.slice(at, end), isCode: false }
    at = end
    from = end
  }
  if (from < sql.length) yield { text: sql.slice(from), isCode: true }
}

/** Is there anything to run, or only white space and comments? */
function isEmpty(statement: string): boolean {
  return [...piecesOf(statement)].every(({ text, isCode }) =>
    isCode ? text.trim() === '' : text.startsWith('--') || text.startsWith('/*'),
  )
}

/** The statements of a text, without their semicolons; those of only comments are left out. */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = []
  let current = ''
  for (const { text, isCode } of piecesOf(sql)) {
    const [first = '', ...others] = isCode ? text.split(';') : [text]
    current += first
    for (const other of others) {
      statements.push(current)
      current = other
    }
  }
  return [...statements, current].filter((statement) => !isEmpty(statement)).map((statement) => statement.trim())
}

/** SQL with numbered placeholders, and the values they stand for. */
export interface NumberedSql {
  readonly text: string
  readonly values: readonly unknown[]
}

/** `::type` is a cast and `:=` an assignment; `:name` is a parameter. */
const NAMED = /::|:=|:([A-Za-z_]\w*)/g

/**
 * Puts `$1`, `$2` … where `:name` stands. The values travel beside the text, never inside it.
 * @throws Error for a name that has no value
 */
export function numberParameters(sql: string, parameters: Readonly<Record<string, unknown>>): NumberedSql {
  const names: string[] = []
  const numberOf = (name: string) => {
    if (!Object.hasOwn(parameters, name))
      throw new Error(
        `the SQL names :${name}, but parameters has only ${Object.keys(parameters).join(', ') || 'nothing'} ` +
          '(in a slice such as a[1:n] write a space after the colon)',
      )
    if (!names.includes(name)) names.push(name)
    return `$${names.indexOf(name) + 1}`
  }
  const text = [...piecesOf(sql)]
    .map((piece) =>
      piece.isCode
        ? piece.text.replaceAll(NAMED, (whole, name: string | undefined) =>
            name === undefined ? whole : numberOf(name),
          )
        : piece.text,
    )
    .join('')
  return { text, values: names.map((name) => parameters[name]) }
}
