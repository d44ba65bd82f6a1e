import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Bench } from '../harness/bench.ts'
import { Child } from '../harness/child.ts'
import { consuming, flow, packing, shipped } from '../harness/pipe.ts'
import type { Sample } from '../harness/result.ts'
import type { Row } from '../harness/row.ts'
import type { Stage } from '../harness/stage.ts'
import { fill } from './consume.ts'

/** By then what starting has left behind is gone. */
const restMs = 1500
const scrapedPort = '19466'

/** A consumer with nothing to do against a Node that does nothing. */
export const memoryIdle: Row = {
  name: 'memory-idle',
  section: 'Memory',
  title: 'A consumer that waits',
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const dist = await bench.dist()
    const empty = async (): Promise<Sample> => {
      const child = new Child(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'])
      return rested(child)
    }
    // As in an image: with its code cache.
    const start = async (env: Record<string, string>): Promise<Child> => {
      const output = join(bench.folder, 'idle.txt')
      const host = { OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1' }
      const child = new Child(process.execPath, [join(dist, 'log-consumer', 'start.cjs')], {
        env: { ...stage.env, OUTPUT_PATH: output, ...host, ...env },
      })
      await child.says(consuming)
      return child
    }
    const scraped = async (): Promise<Sample> => {
      const child = await start({ OTEL_EXPORTER_PROMETHEUS_PORT: scrapedPort })
      await child.says(/answering probes/)
      await (await fetch(`http://127.0.0.1:${scrapedPort}/metrics`)).text()
      return rested(child)
    }
    const what = 'resident memory / empty Node script, idle consumer'
    const shared = { metric: 'memoryMb', unit: 'MB', to: 'empty', better: 'lower' } as const
    return {
      sides: {
        empty,
        off: async () => rested(await start({ KEDAFN_METRICS: 'off' })),
        probed: async () => rested(await start({ OTEL_EXPORTER_PROMETHEUS_PORT: '0' })),
        scraped,
      },
      comparisons: [
        { id: 'off', what: `${what} without telemetry (KEDAFN_METRICS=off)`, of: 'off', goal: 1.25, ...shared },
        { id: 'probed', what: `${what} that answers probes, not scraped`, of: 'probed', goal: null, ...shared },
        { id: 'scraped', what: `${what} that was scraped`, of: 'scraped', goal: 1.45, ...shared },
      ],
      warmUp: false,
    }
  },
}

async function rested(child: Child): Promise<Sample> {
  await wait(restMs)
  const memoryMb = child.memoryMb()
  await child.stop('SIGKILL')
  return { memoryMb }
}

interface Amounts {
  readonly name: string
  readonly lines: { readonly full: number; readonly quick: number }
  readonly onRequest?: boolean
}

/** A long packed run: a large input against a small one, and the end of the run against its begin. */
const memoryRow = ({ name, lines: { full, quick }, onRequest = false }: Amounts): Row => ({
  name,
  section: 'Memory',
  title: 'Memory under load',
  onRequest,
  rounds: { full: onRequest ? 1 : 3, quick: 1 },
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const many = bench.count(full, quick)
    const few = Math.min(500_000, many / 2)
    const shared = { unit: 'MB', better: 'lower' } as const
    return {
      sides: {
        small: () => loaded(bench, stage, few),
        large: () => loaded(bench, stage, many),
      },
      comparisons: [
        {
          id: 'input',
          what: `most memory of either process: an input of ${mb(many)} / ${mb(few)}`,
          metric: 'peakMb',
          of: 'large',
          to: 'small',
          goal: 1.25,
          ...shared,
        },
        {
          id: 'flat',
          what: `the most memory in the second half / the first half, ${many.toLocaleString('en')} lines packed`,
          metric: 'secondByFirst',
          of: 'large',
          to: null,
          goal: 1.1,
          ...shared,
          unit: 'as a ratio',
        },
      ],
      warmUp: false,
    }
  },
})

const mb = (lines: number): string => `${Math.round(lines / 10_000).toLocaleString('en')} MB`

async function loaded(bench: Bench, stage: Stage, lines: number): Promise<Sample> {
  const pipe = shipped(bench, stage, packing)
  const seen: number[] = []
  const sampling: typeof pipe = {
    ...pipe,
    meanwhile(consumer, producer) {
      const timer = setInterval(() => seen.push(Math.max(consumer.memoryMb(), producer.memoryMb() || 0)), 50)
      return () => clearInterval(timer)
    },
  }
  const sample = await flow(bench, stage, sampling, await bench.input(lines), lines)
  const known = seen.filter((value) => value > 0)
  const half = Math.ceil(known.length / 2)
  return { ...sample, secondByFirst: Math.max(...known.slice(half)) / Math.max(...known.slice(0, half)) }
}

/** A queue that is long before anybody consumes it. */
const backlogRow = ({ name, lines: { full, quick }, onRequest = false }: Amounts): Row => ({
  name,
  section: 'Memory',
  title: 'A long queue',
  onRequest,
  rounds: { full: onRequest ? 1 : 3, quick: 1 },
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const many = bench.count(full, quick)
    const few = many / 10
    const drained = async (lines: number): Promise<Sample> => {
      await fill(bench, stage, lines)
      const child = await bench.function('log-consumer', {
        ...stage.env,
        OUTPUT_PATH: join(bench.folder, 'backlog.txt'),
      })
      let peakMb = 0
      const timer = setInterval(() => {
        peakMb = Math.max(peakMb, child.memoryMb() || 0)
      }, 20)
      try {
        await child.says(consuming)
        while ((await stage.depth()) > 0) await wait(20)
        return { peakMb }
      } finally {
        clearInterval(timer)
        await child.stop()
      }
    }
    const what = `most memory of the consumer: a queue of ${many.toLocaleString('en')} messages / ${few.toLocaleString('en')}`
    const shared = { metric: 'peakMb', unit: 'MB', better: 'lower', goal: 1.25 } as const
    return {
      sides: { short: () => drained(few), long: () => drained(many) },
      comparisons: [{ id: 'backlog', what, of: 'long', to: 'short', ...shared }],
      warmUp: false,
    }
  },
})

export const memoryLoad = memoryRow({ name: 'memory-load', lines: { full: 4_000_000, quick: 200_000 } })
export const memoryLoadLarge = memoryRow({
  name: 'memory-10gb',
  lines: { full: 100_000_000, quick: 200_000 },
  onRequest: true,
})
export const backlog = backlogRow({ name: 'backlog', lines: { full: 100_000, quick: 20_000 } })
export const backlogLarge = backlogRow({
  name: 'backlog-10m',
  lines: { full: 10_000_000, quick: 20_000 },
  onRequest: true,
})
