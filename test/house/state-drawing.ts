// Draws a table of moves as text, a state a line, for docs/architecture.md.

type Moves = Readonly<Record<string, readonly string[]>>

/** One table: `from → to · to`, its states below each other. */
function drawOne(title: string, moves: Moves): string {
  const width = Math.max(...Object.keys(moves).map((state) => state.length))
  const lines = Object.entries(moves).map(([from, to]) => `${from.padEnd(width)} → ${to.join(' · ')}`)
  return [title, ...lines.map((line) => `  ${line}`)].join('\n')
}

/** Tables by title, as one block of Markdown. */
export function drawMoves(tables: Readonly<Record<string, Moves>>): string {
  const drawn = Object.entries(tables).map(([title, moves]) => drawOne(title, moves))
  return `\`\`\`\n${drawn.join('\n\n')}\n\`\`\``
}
