// Where in the author's file something was declared: kept with each DAG and task, so that what is found wrong when the
// DAG is read names its line.

/** Frames kept: ours between the author's call and here (at most four), and the author's own. */
const FRAMES = 6

/** A stack that is turned into text (and through the source map) only when somebody asks for it. */
export interface Site {
  readonly stack?: string
}

/** The place of the author's call. Costs about 2 µs; its text is made when a fault is told. */
export function captureSite(): Site {
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  try {
    return new Error('declared here')
  } finally {
    Error.stackTraceLimit = before
  }
}
