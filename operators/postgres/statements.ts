// SQL as text: where its statements end and where its parameters stand, told apart from strings, names and comments.

/** Within an unquoted name; all that is not ASCII is a letter to Postgres. */
const IN_NAME = /[\w$\u0080-\uffff]/

/**
 * A piece that is no code: strings (also E'…' with backslashes), quoted names, $tag$…$tag$, comments (block comments
 * nest).
 */
function endOfQuoted(sql: string, at: number): number | null {
  const two = sql.slice(at, at + 2)
  if (two === '--') {
    const length = sql.slice(at).search(/[\n\r]/)
    return length === -1 ? sql.length : at + length
  }
  if (two === '/*') return endOfComment(sql, at)
  const first = sql[at]
  if (first === "'") return endOfString(sql, at, isEscaping(sql, at))
  if (first === '"') return endOfString(sql, at, false)
  if (first !== '$' || IN_NAME.test(sql[at - 1] ?? '')) return null
  const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(sql.slice(at, at + 66))?.[0]
  if (tag === undefined) return null
  const end = sql.indexOf(tag, at + tag.length)
  return end === -1 ? sql.length : end + tag.length
}

/** `E'…'`: a backslash takes the next character along. */
const isEscaping = (sql: string, at: number) => /[eE]/.test(sql[at - 1] ?? '') && !IN_NAME.test(sql[at - 2] ?? '')

/** A string goes on in the quotes of a next line, and its backslashes mean the same there. */
const CONTINUED = /[ \t\f]*[\n\r](?:\s|--[^\n\r]*[\n\r])*'/y

function endOfString(sql: string, at: number, isEscape: boolean): number {
  const quote = sql[at]
  for (let i = at + 1; i < sql.length; i += 1) {
    if (isEscape && sql[i] === '\\') i += 1
    else if (sql[i] === quote && sql[i + 1] === quote) i += 1
    else if (sql[i] === quote) {
      CONTINUED.lastIndex = i + 1
      if (!isEscape || !CONTINUED.test(sql)) return i + 1
      i = CONTINUED.lastIndex - 1
    }
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

/** What a semicolon's meaning hangs on. */
const TOKEN = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[;()]/g
const ROUTINE = /^create (or replace )?(function|procedure)\b/

/**
 * Follows a statement as psql does: a semicolon between parentheses (rules), or in the body `BEGIN ATOMIC … END` of a
 * function, ends no statement.
 */
class Statement {
  #parentheses = 0
  /** BEGIN and, inside of it, CASE: both end with END. */
  #blocks = 0
  #words: string[] = []

  /** Whether this token ends the statement. */
  ends(token: string): boolean {
    if (token === ';') return this.#parentheses === 0 && this.#blocks === 0
    if (token === '(') this.#parentheses += 1
    else if (token === ')') this.#parentheses = Math.max(0, this.#parentheses - 1)
    else this.#word(token.toLowerCase())
    return false
  }

  #word(word: string): void {
    if (this.#words.length < 4) this.#words.push(word)
    if (this.#parentheses > 0 || !ROUTINE.test(this.#words.join(' '))) return
    if (word === 'begin' || (word === 'case' && this.#blocks > 0)) this.#blocks += 1
    else if (word === 'end') this.#blocks = Math.max(0, this.#blocks - 1)
  }
}

/** The statements of a text, without their semicolons; those of only comments are left out. */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = []
  let from = 0
  let statement = new Statement()
  let at = 0
  for (const { text, isCode } of piecesOf(sql)) {
    for (const { 0: token, index } of isCode ? text.matchAll(TOKEN) : []) {
      if (!statement.ends(token)) continue
      statements.push(sql.slice(from, at + index))
      from = at + index + 1
      statement = new Statement()
    }
    at += text.length
  }
  return [...statements, sql.slice(from)]
    .filter((statement) => !isEmpty(statement))
    .map((statement) => statement.trim())
}

/** SQL with numbered placeholders, and the values they stand for. */
export interface NumberedSql {
  readonly text: string
  readonly values: readonly unknown[]
}

/** `::type` is a cast and `:=` an assignment; `:name`, in any script, is a parameter. Brackets are counted for slices. */
const NAMED = /::|:=|:([\p{L}_][\p{L}\p{M}\p{N}_]*)|[[\]]/gu
/** Behind a value a colon parts the bounds of a slice: `a[1:n]`, `a[i:j]`. */
const AFTER_VALUE = /[\w$)\]"'\u0080-\uffff]\s*$/

/** Each name once, in the order of `$1`, `$2` … */
class Numbering {
  readonly names: string[] = []
  readonly #parameters: Readonly<Record<string, unknown>>
  /** Names as they are given, by their composed form: `이름` may be typed letter by letter. */
  readonly #given: ReadonlyMap<string, string>

  constructor(parameters: Readonly<Record<string, unknown>>) {
    this.#parameters = parameters
    this.#given = new Map(Object.keys(parameters).map((name) => [name.normalize(), name]))
  }

  /** @throws Error for a name that has no value */
  placeholder(name: string): string {
    const given = this.#given.get(name.normalize())
    if (given === undefined)
      throw new Error(
        `the SQL names :${name}, but parameters has only ${Object.keys(this.#parameters).join(', ') || 'nothing'}`,
      )
    if (!this.names.includes(given)) this.names.push(given)
    return `$${this.names.indexOf(given) + 1}`
  }
}

/**
 * Puts `$1`, `$2` … where `:name` stands. The values travel beside the text, never inside it.
 * @throws Error for a name that has no value
 */
export function numberParameters(sql: string, parameters: Readonly<Record<string, unknown>>): NumberedSql {
  const numbering = new Numbering(parameters)
  let brackets = 0
  let done = ''
  for (const { text, isCode } of piecesOf(sql)) {
    const before = done
    done += !isCode
      ? text
      : text.replaceAll(NAMED, (whole, name: string | undefined, at: number) => {
          if (whole === '[') brackets += 1
          else if (whole === ']') brackets = Math.max(0, brackets - 1)
          if (name === undefined) return whole
          const isSlice = brackets > 0 && AFTER_VALUE.test(`${before.slice(-40)}${text.slice(0, at)}`.slice(-40))
          return isSlice ? whole : numbering.placeholder(name)
        })
  }
  return { text: done, values: numbering.names.map((name) => parameters[name]) }
}
