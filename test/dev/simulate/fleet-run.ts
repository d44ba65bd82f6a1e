import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { readScaledObjects } from '../../../dev/autoscaler/reader.ts'
import { hpaPeriods, type ScaledObject } from '../../../dev/autoscaler/scaled-object.ts'
import { percentile } from '../../../dev/simulate/report.ts'
import type { Workload } from '../../../dev/simulate/simulation.ts'
import type { Setting } from '../../../dev/simulate/tune.ts'
import type { Timeline } from '../autoscaler/recording.ts'
import { slowRepository } from '../slow-repository.ts'
import { noneLeft } from '../started.ts'

/** Times are those of a cluster; the fleet goes `fast` times as fast. */
export interface FleetTrace {
  readonly fast: number
  readonly setting: Setting
  /** Handlers take so long for each of their lines, whatever else the process does. */
  readonly msPerLine: number
  readonly bursts: readonly { readonly atMs: number; readonly lines: number }[]
}

interface FleetRun {
  readonly object: ScaledObject
  readonly timeline: Timeline
  readonly seconds: number
  readonly podSeconds: number
  readonly p99Ms: number
}

const batchSize = 5
const path = 'keda/base/log-consumer.yaml'
const podSecondsOf = (timeline: Timeline, seconds: number): number =>
  timeline.reduce((sum, [from, count], index) => sum + count * ((timeline[index + 1]?.[0] ?? seconds) - from), 0)

/** Runs the trace through `npm start`, until all is done and asleep. */
export async function runFleet(t: TestContext, { fast, setting, msPerLine, bursts }: FleetTrace): Promise<FleetRun> {
  const { value, concurrency, cooldownSeconds, max } = setting
  const options = { value, concurrency, batchSize, msPerLine: msPerLine / fast, stamped: true }
  const { repository, start } = await slowRepository(t, options)
  const text = repository
    .read(path)
    // What waits is known at once over amqp; the pages of the management would be the only thing here that is not faster.
    .replace('protocol: http', 'protocol: amqp')
    .replace(/cooldownPeriod: \d+/, `cooldownPeriod: ${cooldownSeconds}`)
    .replace(/maxReplicaCount: \d+/, `maxReplicaCount: ${max}`)
  repository.write(path, text)
  const [object] = readScaledObjects([{ path, text }]).objects
  assert.ok(object)
  repository.write('input.txt', '')
  const started = start(['--fast', String(fast), '--no-page'])
  // It begins with one process, which declares the queue, and goes to sleep.
  await started.printed(/^log-consumer: 1 -> 0/m)
  const beganMs = Date.now()
  const clusterSeconds = () => ((Date.now() - beganMs) / 1000) * fast
  const timeline: [number, number][] = [[0, 0]]
  let read = started.out.length
  started.child.stdout?.on('data', () => {
    const end = started.out.lastIndexOf('\n') + 1
    for (const [, replicas] of started.out.slice(read, end).matchAll(/^log-consumer: \d+ -> (\d+), /gm)) {
      timeline.push([clusterSeconds(), Number(replicas)])
    }
    read = end
  })
  const wait = { interval: 20, timeout: 300_000 }
  for (const { atMs, lines } of bursts) {
    await t.waitFor(() => assert.ok(clusterSeconds() * 1000 >= atMs), wait)
    // n.b. a file that is written anew is for a moment an empty one: all of it would be sent again.
    appendFileSync(repository.path('input.txt'), `${Date.now()}\n`.repeat(lines))
  }
  const total = bursts.reduce((sum, { lines }) => sum + lines, 0)
  const written = () => (timeline.length > 1 ? repository.read('output.txt').split('\n').slice(0, -1) : [])
  await t.waitFor(() => assert.ok(timeline.at(-1)?.[1] === 0 && written().length >= total), wait)
  const seconds = clusterSeconds()
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  await noneLeft(t, repository)
  const latenciesMs = written().map((line) => {
    const [sent = 0, done = 0] = line.split(' ').map(Number)
    return (done - sent) * fast
  })
  assert.equal(latenciesMs.length, total)
  const p99Ms = percentile(Float64Array.from(latenciesMs).sort(), 0.99)
  return { object, timeline, seconds, podSeconds: podSecondsOf(timeline, seconds), p99Ms }
}

/** What the simulation is to be told of such a fleet. */
export function workOf({ fast, setting: { concurrency }, msPerLine, bursts }: FleetTrace): Workload {
  const arrivals = bursts.flatMap(({ atMs, lines }) => Array.from({ length: lines }, () => atMs))
  return {
    arrivals: Float64Array.from(arrivals),
    handler: () => msPerLine * batchSize,
    // A process starts no faster than ever.
    coldStart: () => 500 * fast,
    ...{ concurrency, batchSize, prefetch: Math.max(10, 2 * batchSize * concurrency), graceMs: 30_000 },
    ...{ cpuShare: 0, statsIntervalMs: 5000, periods: hpaPeriods, seed: 1 },
  }
}
