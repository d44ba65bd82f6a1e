import { statSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../runtime/core/config.ts'
import { prefetchOf } from '../../runtime/core/scale.ts'
import { discoverFunctions, type FunctionFacts, inspectFunctions } from '../../tooling/functions.ts'
import { defineCommand, exitCode } from '../command.ts'
import { writeJson } from '../output/json.ts'
import { grouped, table } from '../output/table.ts'

const root = join(import.meta.dirname, '..', '..')

interface Listed {
  readonly name: string
  readonly trigger: 'queue' | 'lines'
  readonly queue: string
  readonly exchange: string
  /** Null of producers, which are not scaled. */
  readonly scaling: Scaling | null
  readonly bundleBytes: number | null
  readonly imageBytes: number | null
}

interface Scaling {
  readonly min: number
  readonly max: number
  readonly messagesPerReplica: number
  readonly concurrency: number
  readonly batch: number
  readonly prefetch: number
}

export const list = defineCommand({
  name: 'list',
  summary: 'list the functions, their queues, how they scale and how large their images are',
  description: 'It reads the specs and dist/, and asks no broker. Sizes are those of what was built last.',
  reads: true,
  examples: [
    { command: 'kedafn list', does: 'all functions of this checkout' },
    { command: "kedafn list --json | jq -r '.[].queue'", does: 'their queues, for a script' },
  ],
  async run({ options, io }) {
    const facts = await inspectFunctions(root, discoverFunctions(root))
    const listed = facts.map(listedOf)
    if (options.json) await writeJson(io.stdout, listed)
    else await io.stdout.write(shown(listed, io.isTerminal.stdout ? io.width : null))
    return exitCode.done
  },
})

function listedOf({ name, spec }: FunctionFacts): Listed {
  const variables = Object.keys(spec.env ?? {})
  const config = readConfig(
    name,
    spec,
    Object.fromEntries(variables.map((one) => [one, spec.env?.[one]?.oneOf?.[0] ?? ''])),
  )
  return {
    name,
    trigger: config.kind === 'consumer' ? 'queue' : 'lines',
    queue: config.queue,
    exchange: config.exchange,
    scaling:
      config.kind === 'consumer'
        ? {
            min: config.scaleMin,
            max: config.scaleMax,
            messagesPerReplica: config.messagesPerReplica,
            concurrency: config.concurrency,
            batch: config.batchSize,
            prefetch: prefetchOf(config.batchSize, config.concurrency),
          }
        : null,
    bundleBytes: sizeOf(join(root, 'dist', name, 'function.cjs')),
    imageBytes: sizeOf(join(root, 'dist', 'images', `${name}.tar`)),
  }
}

const sizeOf = (path: string): number | null => statSync(path, { throwIfNoEntry: false })?.size ?? null

function shown(listed: readonly Listed[], width: number | null): string {
  const columns = [
    { title: 'FUNCTION' },
    { title: 'TRIGGER' },
    { title: 'QUEUE', flexible: true },
    { title: 'REPLICAS', align: 'right' },
    { title: 'MESSAGES EACH', align: 'right' },
    { title: 'AT ONCE', align: 'right' },
    { title: 'PREFETCH', align: 'right' },
    { title: 'BUNDLE', align: 'right' },
    { title: 'IMAGE', align: 'right' },
  ] as const
  const rows = listed.map(({ name, trigger, queue, scaling, bundleBytes, imageBytes }) => [
    name,
    trigger,
    queue,
    scaling ? `${scaling.min} to ${scaling.max}` : '1',
    scaling ? grouped(scaling.messagesPerReplica) : '-',
    scaling ? grouped(scaling.concurrency) : '-',
    scaling ? grouped(scaling.prefetch) : '-',
    bundleBytes === null ? '-' : `${grouped(Math.ceil(bundleBytes / 1000))} KB`,
    imageBytes === null ? '-' : `${grouped(Math.ceil(imageBytes / 1_000_000))} MB`,
  ])
  return table(columns, rows, width)
}
