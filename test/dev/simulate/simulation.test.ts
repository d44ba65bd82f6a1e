import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate, type Workload } from '../../../dev/simulate/simulation.ts'
import { objectWith, queueTrigger } from '../autoscaler/objects.ts'

/** `perSecond` messages a second, evenly. */
const steady = (perSecond: number, seconds: number, fromSeconds = 0): Float64Array =>
  Float64Array.from({ length: perSecond * seconds }, (_, index) => fromSeconds * 1000 + (index * 1000) / perSecond)

const work = (changes: Partial<Workload>): Workload => ({
  arrivals: steady(20, 600),
  handler: () => 100,
  coldStart: () => 2000,
  concurrency: 1,
  batchSize: 1,
  prefetch: 10,
  graceMs: 30_000,
  cpuShare: 0,
  statsIntervalMs: 5000,
  seed: 1,
  ...changes,
})
const object = objectWith({ pollingIntervalMs: 5000, cooldownMs: 60_000, maxReplicas: 10 })

test('an hour of 100 messages a second takes seconds at most, and nothing is lost', () => {
  const before = performance.now()
  const { arrived, done, left } = simulate(object, work({ arrivals: steady(100, 3600), batchSize: 10, prefetch: 20 }))
  assert.deepEqual({ arrived, done, left }, { arrived: 360_000, done: 360_000, left: 0 })
  assert.ok(performance.now() - before < 15_000)
})

test('messages are conserved also when pods are killed at the end of their grace', () => {
  // Over amqp a busy function looks asleep, and is put to sleep while it works.
  const triggers = [{ ...queueTrigger, protocol: 'amqp' } as const]
  const rude = objectWith({ pollingIntervalMs: 5000, cooldownMs: 15_000, triggers })
  const handler = (random: () => number): number => 5000 + 60_000 * random()
  const { arrived, done, left, latenciesMs, steps } = simulate(
    rude,
    work({ arrivals: steady(1, 20), handler, graceMs: 1000, concurrency: 5 }),
  )
  assert.ok(steps.filter(({ replicas }) => replicas === 0).length > 1)
  assert.equal(arrived, done + left)
  assert.equal(latenciesMs.length, done)
  const endless = simulate(rude, work({ arrivals: steady(1, 1), handler: () => 60_000, graceMs: 1000 }))
  assert.deepEqual([endless.done, endless.left], [0, 1])
})

test('equal seeds have equal results, and other seeds others', () => {
  const run = (seed: number) => simulate(object, work({ seed, handler: (random) => 50 + 100 * random() }))
  assert.deepEqual(run(7), run(7))
  assert.notDeepEqual(run(7).latenciesMs, run(8).latenciesMs)
})

test('it goes from 0 to N and back to 0 when the cooldown is over', () => {
  const { steps, endMs, peakReplicas } = simulate(object, work({}))
  assert.equal(steps[0]?.replicas, 1)
  assert.equal(steps.at(-1)?.replicas, 0)
  assert.ok(peakReplicas > 1 && peakReplicas <= 10)
  assert.ok(endMs >= 660_000 && endMs < 700_000)
})

test('pod-seconds are those of the pods: one that stays counts the whole time', () => {
  const one = objectWith({ minReplicas: 1, maxReplicas: 1 })
  const { podSeconds, endMs } = simulate(one, work({ arrivals: steady(1, 100) }))
  assert.equal(podSeconds, endMs / 1000)
})

test('amqp does not see what is prefetched: a busy consumer is put to sleep', () => {
  const slow = work({ arrivals: steady(5, 1), handler: () => 200_000, graceMs: 600_000 })
  const lives = (protocol: 'http' | 'amqp') =>
    simulate(objectWith({ cooldownMs: 60_000, triggers: [{ ...queueTrigger, protocol }] }), slow)
  assert.ok((lives('amqp').steps.find(({ replicas }) => replicas === 0)?.atMs ?? 0) < 200_000)
  assert.ok((lives('http').steps.find(({ replicas }) => replicas === 0)?.atMs ?? 0) > 200_000)
})

test('handlers beside each other share one core', () => {
  const alone = objectWith({ minReplicas: 1, maxReplicas: 1 })
  const worst = (cpuShare: number) =>
    simulate(alone, work({ arrivals: steady(20, 60), concurrency: 10, cpuShare })).latenciesMs.at(-1) ?? 0
  assert.ok(worst(1) > worst(0))
})
