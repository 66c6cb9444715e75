// `dagctl test`, `tasks test` and `tasks render`: a DAG run in one process, without server, database or home.

import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Project } from './project.ts'

const HELLO = `import { Dag, getClient, getRun } from 'baram'
import { bash } from 'baram/operators'

export const dag = new Dag('hello', { params: { loud: false } })
const greet = dag.task('greet', async () => ({ text: \`\${await getClient().getVariable('greeting')} \${getRun().local.ds}\` }))()
const shout = dag.task('shout', ({ said }: { said: { text: string } }) => {
  if (getRun().params['loud'] === 'fail') throw new Error('too loud')
  return said.text.toUpperCase()
})({ said: greet })
shout.before(dag.task('echo', bash({ bashCommand: 'echo {{ds}} $WHO', env: { WHO: '{{var.value.greeting}}' } }))())
`

const STOPS = `import { Dag } from 'baram'

export const dag = new Dag('stops', {})
dag.task('work', () => {
  const count = 41
  debugger
  return count + 1
})()
`

describe('trials', () => {
  const project = new Project()
  beforeAll(() => {
    project.write('dags/hello.ts', HELLO)
    project.write('vars.json', JSON.stringify({ variables: { greeting: 'hello' } }))
  })
  afterAll(() => project.remove())

  it('dagctl test runs a DAG task by task, prints XComs and leaves nothing behind', async () => {
    const { code, stdout } = await project.dagctl([
      'test',
      'hello',
      '--date',
      '2026-03-18',
      '--vars',
      'vars.json',
      '--show-xcoms',
    ])
    expect(stdout).toContain('shout return_value "HELLO 2026-03-18"')
    expect(stdout).toContain('echo return_value "2026-03-18 hello"')
    expect(stdout).toContain('hello manual__2026-03-18T00:00:00+00:00: success')
    expect(code).toBe(0)
    expect(readdirSync(project.folder).sort()).toEqual(['dags', 'vars.json'])
  })

  it('ends with exit code 1 when the run fails, and shows the line in the file', async () => {
    const { code, stdout } = await project.dagctl(['test', 'hello', '--conf', '{"loud":"fail"}'], {
      BARAM_VAR_GREETING: 'hi',
    })
    expect(code).toBe(1)
    expect(stdout).toMatch(/dags\/hello\.ts:7:\d+/)
    expect(stdout).not.toContain('dist/testing')
    expect(stdout).toContain('echo upstream_failed')
  })

  it('runs one task with what it needs', async () => {
    const { code, stdout } = await project.dagctl(['test', 'hello', '--task', 'shout', '--file', 'dags/hello.ts'])
    expect(stdout).not.toContain('echo')
    expect(code).toBe(0)
  })

  it('stops at breakpoints, where the variables of the task can be asked for', async () => {
    project.write('dags/stops.ts', STOPS)
    const session = project.debug(['test', 'stops'])
    try {
      await session.until('Break on start')
      session.type('c')
      await session.until('break in')
      session.type('exec("count")')
      await session.until('41')
      session.type('c')
      await session.until('work success')
    } finally {
      session.end()
    }
  })

  it('tells which DAGs there are instead of an unknown one', async () => {
    const { code, stderr } = await project.dagctl(['test', 'helo', '--file', 'dags/hello.ts'])
    expect(stderr).toContain('there is no DAG helo in dags/hello.ts; there are hello')
    expect(code).toBe(3)
  })

  it('tasks test runs one task alone, with arguments given by hand', async () => {
    const given = await project.dagctl(['tasks', 'test', 'hello', 'shout', '--inputs', '{"said":{"text":"a"}}'])
    expect(given.stdout).toContain('return_value "A"')
    const lacking = await project.dagctl(['tasks', 'test', 'hello', 'shout'])
    expect(lacking.stderr).toContain('takes "said" from another task')
    expect(lacking.code).toBe(2)
  })

  it('tasks render shows the template fields of a date', async () => {
    const { stdout } = await project.dagctl([
      'tasks',
      'render',
      'hello',
      'echo',
      '--date',
      '2026-03-18',
      '--vars',
      'vars.json',
    ])
    expect(stdout).toContain('bashCommand: echo 2026-03-18 $WHO')
    expect(stdout).toContain('"WHO": "hello"')
  })
})
