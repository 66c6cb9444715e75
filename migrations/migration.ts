// The form of a migration: plain SQL up and down, each run in one transaction together with its row in the version table.

export interface Migration {
  readonly name: string
  readonly up: string
  readonly down: string
}
