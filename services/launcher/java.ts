// Java programs: their jars from Maven, fetched once for each pom, and their command lines.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { ServiceError } from './errors.ts'
import type { Command } from './member.ts'
import { runToEnd } from './programs.ts'

const JAVA_HINT = 'install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless)'
const MAVEN_HINT = 'install Maven (Debian: apt-get install maven)'

export interface JavaProgram {
  /** Folders and jars, in order: configuration folders go first. */
  readonly classpath: readonly string[]
  /** A class, or a single `.java` source file, which Java 17 compiles as it starts. */
  readonly main: string
  readonly args?: readonly string[]
  /** Most heap, in megabytes. */
  readonly heap: number
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** A small heap, one collector thread and the quick compiler alone: less memory and half the start time on two cores. */
export function javaCommand({ classpath, main, args = [], heap, flags = [], environment }: JavaProgram): Command {
  return {
    ...(environment !== undefined && { environment }),
    program: 'java',
    args: [
      `-Xmx${heap}m`,
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Xshare:auto',
      '-XX:-UsePerfData',
      '-Djava.net.preferIPv4Stack=true',
      '-Djava.awt.headless=true',
      ...flags,
      '-cp',
      classpath.join(delimiter),
      main,
      ...args,
    ],
  }
}

/** `--add-opens` for packages a library of Java 8's time reaches into. */
export function opens(module: string, packages: readonly string[]): readonly string[] {
  return packages.map((name) => `--add-opens=${module}/${name}=ALL-UNNAMED`)
}

/** Runs it to its end. */
export async function runJava(program: JavaProgram): Promise<string> {
  return runToEnd(javaCommand(program), JAVA_HINT)
}

function isWhole(jars: readonly string[]): boolean {
  return jars.length > 0 && jars.every((jar) => existsSync(jar))
}

async function readClasspath(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim() === '' ? [] : text.trim().split(delimiter)
}

async function askMaven(pom: string, file: string): Promise<void> {
  const part = `${file}.${process.pid}`
  const args = [
    '-q',
    '-B',
    '-f',
    pom,
    'dependency:build-classpath',
    '-DincludeScope=runtime',
    `-Dmdep.outputFile=${part}`,
  ]
  try {
    await runToEnd({ program: 'mvn', args }, MAVEN_HINT)
  } catch (cause) {
    if (cause instanceof ServiceError && cause.problem === 'unavailable') throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ServiceError('unavailable', `Maven could not fetch the jars of ${pom}: ${why}`, { cause })
  }
  await rename(part, file)
}

/**
 * The jars of a pom. Maven is asked once for each version of the pom: its answer is kept below `cacheFolder`, and asked
 * for again when a jar of it has been removed since.
 */
export async function fetchJars(pom: string, cacheFolder: string): Promise<readonly string[]> {
  const hash = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 16)
  const file = join(cacheFolder, `${hash}.classpath`)
  const known = await readClasspath(file)
  if (isWhole(known)) return known
  await mkdir(cacheFolder, { recursive: true })
  await askMaven(pom, file)
  const jars = await readClasspath(file)
  if (isWhole(jars)) return jars
  throw new ServiceError('unavailable', `Maven named no jars for ${pom}, or some that are not there`)
}

/** Writes a configuration folder and returns it. */
export async function writeConfiguration(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}
