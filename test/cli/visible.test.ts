// What texts of users hold never acts on the terminal: it is shown, in every command and format, unless --raw asks for it.

import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readableLine } from '../../cli/commands/logs.ts'
import { FORMATS, formatRows, jsonText } from '../../cli/output.ts'
import { escapeUnseen, forTerminal, keepStyle, setRaw } from '../../cli/visible.ts'
import { startBaram, type TestBaram } from '../support/baram.ts'

/** Clears the screen, names the window, sets the clipboard, rings, overwrites the line, hides, reorders. */
const EVIL = [
  ...[
    '\u001b[2J',
    '\u001b]0;title\u0007',
    '\u001b]52;c;cm0=\u001b\\',
    '\u0007',
    'good\rbad',
    '\b\b',
    '\u007f',
    '\u0000',
  ],
  ...[
    '\u009b31m',
    '\u009d0;x\u009c',
    '\u001bc',
    '\u001b[31mred\u001b[0m',
    '\u202egnp.exe',
    '\u2066x\u2069',
    '\u2028',
    '\u0085',
  ],
]
const ACTS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u2028-\u202e\u2066-\u2069]/
const evil = fc
  .array(fc.oneof(fc.constantFrom(...EVIL), fc.string({ unit: 'binary' })), { maxLength: 6 })
  .map((parts) => parts.join(''))

afterEach(() => setRaw(false))

describe('a text for the terminal', () => {
  it.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b[38;2;1;2;3mx\u001b[m', 'x'],
    ['\u001b[2J', '␛[2J'],
    ['\u001b]0;title\u0007', '␛]0;title␇'],
    ['good\rbad', 'good␍bad'],
    ['line\r\nline', 'line\nline'],
    ['a\tb\nc', 'a\tb\nc'],
    ['\u007f\u0000', '␡␀'],
    ['\u009b31m', '<U+009B>31m'],
    ['\u202egnp.exe', '<U+202E>gnp.exe'],
    ['한글 😀 é', '한글 😀 é'],
  ])('%j is shown as %j', (text, shown) => {
    expect(forTerminal(text)).toBe(shown)
  })

  it('has nothing left that acts, whatever it was', () => {
    fc.assert(fc.property(evil, (text) => !ACTS.test(forTerminal(text))))
  })

  it('keeps our own colours around what was a text of somebody', () => {
    const ours = `${keepStyle('\u001b[1m')}name\u001b[2J${keepStyle('\u001b[22m')}`
    expect(forTerminal(ours)).toBe('\u001b[1mname␛[2J\u001b[22m')
  })

  it('is as it was with --raw', () => {
    setRaw(true)
    for (const text of EVIL) expect(forTerminal(text)).toBe(text)
  })
})

describe('rows', () => {
  it.each(FORMATS)('as %s have nothing that acts', (format) => {
    fc.assert(
      fc.property(fc.array(fc.record({ key: evil, value: evil })), (rows) => {
        expect(forTerminal(formatRows(rows, format))).not.toMatch(ACTS)
      }),
    )
  })

  it('as JSON and YAML are the same values still', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ key: evil, value: evil }), { minLength: 1 }), (rows) => {
        expect(JSON.parse(forTerminal(formatRows(rows, 'json')))).toEqual(rows)
        expect(parse(forTerminal(formatRows(rows, 'yaml')))).toEqual(rows)
      }),
    )
  })

  it('as plain columns are one line each', () => {
    expect(formatRows([{ key: 'a\nb', value: 'c\td' }], 'plain')).toBe('key\tvalue\na␊b\tc␉d')
  })
})

describe('a log', () => {
  it('is shown without codes of what it holds', () => {
    for (const text of EVIL) {
      const line = JSON.stringify({ timestamp: text, level: text, event: text, fields: { text }, exception: text })
      expect(forTerminal(readableLine(line))).not.toMatch(ACTS)
      expect(forTerminal(readableLine(`torn ${text}`))).not.toMatch(ACTS)
      expect(JSON.parse(forTerminal(escapeUnseen(line)))).toEqual(JSON.parse(line))
    }
  })
})

describe('commands', () => {
  let baram: TestBaram
  // No argument of a process holds a NUL.
  const value = EVIL.join(' ').replaceAll('\u0000', '')
  beforeAll(async () => {
    // CI makes colour libraries colour what is piped.
    baram = await startBaram({ CI: 'true', NO_COLOR: '' })
    await baram.dagctl('variables', 'set', 'evil', value, '--description', value)
  })
  afterAll(() => baram.stop())

  it.each([
    ['variables', 'get', 'evil'],
    ...FORMATS.map((format) => ['variables', 'list', '--show-values', '-o', format]),
    ['variables', 'export', '-'],
    ['variables', 'export', '-', '--file-format', 'yaml'],
    ['variables', 'export', '-', '--file-format', 'env'],
    ['variables', 'get', `no ${value}`],
    ['dags', `no ${value}`],
    ['trigger', 'no', '--conf', value],
  ])('%s %s %s sends nothing of a text to the terminal', async (...args) => {
    const { stdout, stderr } = await baram.dagctl(...args)
    expect(stdout + stderr).not.toBe('')
    expect(stdout).not.toMatch(ACTS)
    expect(stderr).not.toMatch(ACTS)
  })

  it('send it as it is with --raw', async () => {
    expect((await baram.dagctl('variables', 'get', 'evil', '--raw')).stdout).toBe(`${value}\n`)
  })

  it('give programs the value by its escapes', async () => {
    const [row] = await baram.dagctlJson('variables', 'list', '--show-values')
    expect(row).toEqual({ key: 'evil', value, description: value })
    expect(jsonText(value)).not.toMatch(ACTS)
  })
})
