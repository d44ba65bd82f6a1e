import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { decodeCheckpoint } from '../runtime/core/checkpoint.ts'
import { UsageError } from './arguments.ts'
import { isPodOf } from './pod-name.ts'

/** One pair of input and output, and where its state is kept. */
export interface Pipeline {
  /** `default` for input.txt and output.txt, else 8 hex digits of the two paths. */
  readonly id: string
  readonly input: string
  readonly output: string
  /** Checkpoints and the lock. */
  readonly folder: string
  /** `.kedafn`: all that is kept between runs. */
  readonly home: string
}

export interface PipelineRequest {
  /** The repository. */
  readonly root: string
  /** What relative paths are relative to. */
  readonly cwd: string
  readonly input: string | null
  readonly output: string | null
}

export function pipelineOf({ root, cwd, input, output }: PipelineRequest): Pipeline {
  const defaults = { input: join(root, 'input.txt'), output: join(root, 'output.txt') }
  const chosen = {
    input: input === null ? defaults.input : resolve(cwd, input),
    output: output === null ? defaults.output : resolve(cwd, output),
  }
  const isDefault = chosen.input === defaults.input && chosen.output === defaults.output
  const id = isDefault ? 'default' : hashOf(`${chosen.input}\0${chosen.output}`)
  const home = join(root, '.kedafn')
  return { id, ...chosen, home, folder: join(home, 'state', id) }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

const greeting = `Hello! Each line of this file goes through a queue and comes out in output.txt.
The producer sends it, the broker confirms it, the consumer writes it: no line is lost on the way.
Append a line while this runs:  echo 'one more' >> input.txt
`

/**
 * Looks at both files before anything is started. Makes the input if it may.
 * @returns true if the input was made
 * @throws UsageError naming the option and the path
 */
export function prepareFiles({ input, output }: Pipeline, makeInput: boolean): boolean {
  const before = statSync(input, { throwIfNoEntry: false })
  if (!before && !makeInput) throw new UsageError(`--input is ${input}; there is no such file`)
  if (before && !before.isFile()) throw new UsageError(`--input is ${input}; expected a regular file`)
  const folder = statSync(dirname(output), { throwIfNoEntry: false })
  if (!folder?.isDirectory()) throw new UsageError(`--output is ${output}; there is no folder ${dirname(output)}`)
  const written = statSync(output, { throwIfNoEntry: false })
  if (written && !written.isFile()) throw new UsageError(`--output is ${output}; expected a regular file`)
  if (realPathOf(input) === realPathOf(output)) {
    throw new UsageError(`--input and --output are both ${input}; each line written would be sent again`)
  }
  if (!before) writeFileSync(input, greeting, { flag: 'wx' })
  return !before
}

/** Two names of one file, whether it exists or not, give one path. */
function realPathOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path))
}

/** Makes the folders of a pipeline's state. */
export function makeState({ home, folder }: Pipeline): void {
  mkdirSync(folder, { recursive: true })
  mkdirSync(join(home, 'logs'), { recursive: true })
}

export const checkpointPathOf = ({ folder }: Pipeline, name: string): string => join(folder, `${name}.checkpoint`)
export const logPathOf = ({ home }: Pipeline, name: string): string => join(home, 'logs', `${name}.log`)

/** Logs of pods have the pods' names: those of earlier runs would be more and more. */
export function removePodLogs({ home }: Pipeline, plans: readonly { readonly name: string }[]): void {
  const folder = join(home, 'logs')
  for (const file of readdirSync(folder)) {
    const pod = file.replace(/\.log$/, '')
    if (plans.some(({ name }) => isPodOf(name, pod))) rmSync(join(folder, file), { force: true })
  }
}

export const isMissingOrEmpty = (path: string): boolean => !statSync(path, { throwIfNoEntry: false })?.size

/** Whether earlier runs sent something of this pipeline's input. */
export const hasCheckpoint = ({ folder }: Pipeline): boolean => checkpointsIn(folder).length > 0

/** Forgets how far the input was sent: the next run sends all of it. */
export function startOver({ folder }: Pipeline): void {
  for (const name of checkpointsIn(folder)) rmSync(join(folder, name), { recursive: true, force: true })
}

const checkpointsIn = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.includes('.checkpoint')) : []

/**
 * How much of the input a producer has sent and knows to be confirmed, in bytes.
 * @returns null if its checkpoint speaks of another file than the one that is there
 */
export function confirmedBytes(pipeline: Pipeline, producer: string): number | null {
  const path = checkpointPathOf(pipeline, producer)
  const stats = statSync(pipeline.input, { bigint: true, throwIfNoEntry: false })
  if (!stats) return null
  if (!existsSync(path)) return 0
  const { device, inode, offset } = decodeCheckpoint(readFileSync(path, 'utf8'), path)
  const same = device === String(stats.dev) && inode === String(stats.ino) && offset <= Number(stats.size)
  return same ? offset : null
}
