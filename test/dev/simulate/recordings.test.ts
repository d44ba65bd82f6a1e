import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hpaPeriods } from '../../../dev/autoscaler/scaled-object.ts'
import { simulate } from '../../../dev/simulate/simulation.ts'
import { deviation, objectAt, type Recording, recordings, type Timeline } from '../autoscaler/recording.ts'

const statsIntervalMs = 5000

/** The arrivals and the work of a recording, simulated: what is in the queue is no longer told, but follows from both. */
function simulated(recording: Recording): Timeline {
  const { work, arrivals, hpaSyncSeconds, replicasBefore } = recording
  assert.ok(work)
  const times = arrivals.flatMap(([second, count]) => Array.from({ length: count }, () => second * 1000))
  const { steps } = simulate(objectAt(recording, 0), {
    arrivals: Float64Array.from(times),
    handler: () => work.handlerMs,
    coldStart: () => work.coldStartMs,
    concurrency: 1,
    batchSize: work.batchSize,
    prefetch: work.prefetch,
    graceMs: 0,
    cpuShare: 0,
    statsIntervalMs,
    // It was recorded with RabbitMQ 3.10.
    statsDelayMs: statsIntervalMs,
    periods: { ...hpaPeriods, syncMs: hpaSyncSeconds * 1000 },
    seed: 1,
  })
  return [[0, replicasBefore], ...steps.map(({ atMs, replicas }) => [atMs / 1000, replicas] as const)]
}

for (const { name, recording } of recordings.filter(({ recording }) => recording.work !== null)) {
  test(`simulated as it was in a cluster, ${name}: ${recording.about}`, (t) => {
    const timeline = simulated(recording)
    const { hpaSyncSeconds, seconds, replicas } = recording
    const { pollingIntervalMs, triggers } = objectAt(recording, 0)
    const overHttp = triggers.some((trigger) => trigger.type === 'rabbitmq' && trigger.protocol === 'http')
    // The broker's statistics have a beat of their own.
    const beatSeconds = overHttp ? statsIntervalMs / 1000 : 0
    const toleranceSeconds = hpaSyncSeconds + pollingIntervalMs / 1000 + beatSeconds
    const off = deviation(timeline, replicas, seconds - toleranceSeconds, true)
    t.diagnostic(`at most ${off.toFixed(1)} s apart, ${toleranceSeconds} s are allowed`)
    const both = `recorded  ${JSON.stringify(replicas)}\nsimulated ${JSON.stringify(timeline)}`
    assert.ok(off <= toleranceSeconds, `${off} s apart\n${both}`)
  })
}
