import type { Bench } from '../harness/bench.ts'
import type { Child } from '../harness/child.ts'
import { flow, type Pipe, shipped } from '../harness/pipe.ts'
import type { Comparison } from '../harness/result.ts'
import type { Row } from '../harness/row.ts'
import type { Stage } from '../harness/stage.ts'

const syncMs = 5
/** log-consumer's batch, which is one sync. */
const batchLines = 500
const window = 1000
const roundTripMs = 20

/** Both functions on a disk that is slow to sync. */
export const slowDisk: Row = {
  name: 'slow-disk',
  section: 'Faults',
  title: 'A slow disk',
  async prepare(bench) {
    const { slowSync, skipped } = bench.native()
    const lines = bench.count(40_000, 10_000)
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const input = await bench.input(lines)
    const run = (env: Record<string, string>) => flow(bench, stage, shipped(bench, stage, env), input, lines)
    return {
      sides: slowSync
        ? {
            slow: () => run({ LD_PRELOAD: slowSync, SLOW_SYNC_MS: `${syncMs}` }),
            // What batches of 500 with a sync of 5 ms each allow, unless the quick disk is slower than that.
            allowed: async () => {
              const { rate = 0 } = await run({})
              return { rate: Math.min(rate, (batchLines / syncMs) * 1000) }
            },
          }
        : {},
      comparisons: [kept(`each fsync and fdatasync takes ${syncMs} ms longer`)],
      notes: [
        `simulated: a library loaded before the process's own holds each fsync and fdatasync for ${syncMs} ms; reads and writes are as quick as ever. Allowed: the rate on the quick disk in the same round, at most ${batchLines} lines in ${syncMs} ms`,
      ],
      skipped: slowSync ? [] : skipped,
    }
  },
}

/** How much of what a fault allows is reached. */
const kept = (fault: string): Comparison => ({
  id: 'kept',
  what: `${fault}: lines/s / what that allows`,
  metric: 'rate',
  unit: 'lines/s',
  of: 'slow',
  to: 'allowed',
  better: 'higher',
  goal: 0.8,
})

/** Both functions far from their broker. */
export const slowBroker: Row = {
  name: 'slow-broker',
  section: 'Faults',
  title: 'A broker that is far away',
  async prepare(bench) {
    const lines = bench.count(40_000, 10_000)
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const input = await bench.input(lines)
    const run = async (delayMs: number) => {
      const proxy = bench.rival('delay-proxy', stage.env.AMQP_URL ?? '', `${delayMs}`)
      try {
        return await flow(bench, stage, await by(bench, stage, proxy), input, lines)
      } finally {
        await proxy.stop()
      }
    }
    return {
      sides: {
        slow: () => run(roundTripMs / 2),
        allowed: async () => {
          const { rate = 0 } = await run(0)
          return { rate: Math.min(rate, (window / roundTripMs) * 1000) }
        },
      },
      comparisons: [kept(`a round trip of ${roundTripMs} ms to the broker`)],
      notes: [
        `a proxy passes on what comes ${roundTripMs / 2} ms later, each way. Allowed: the rate by way of the proxy without a delay in the same round, at most a window of ${window} in ${roundTripMs} ms`,
      ],
    }
  },
}

/** The functions by way of a proxy, whose port is known once it listens. */
async function by(bench: Bench, stage: Stage, proxy: Child): Promise<Pipe> {
  const url = new URL(stage.env.AMQP_URL ?? '')
  url.hostname = '127.0.0.1'
  url.port = await portOf(proxy)
  return shipped(bench, stage, { AMQP_URL: url.href })
}

async function portOf(proxy: Child): Promise<string> {
  await proxy.says(/^port \d+/m)
  return /^port (\d+)/m.exec(proxy.said)?.[1] ?? ''
}
