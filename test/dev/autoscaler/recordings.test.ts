/**
 * What a real KEDA and a real HPA did, and what the autoscaler of the fleet does in their place: the same object, told the same
 * of its queues at the same seconds. `npm run record` makes the recordings.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Autoscaler } from '../../../dev/autoscaler/autoscaler.ts'
import { queueMetrics } from '../../../dev/autoscaler/queue-metrics.ts'
import { hpaPeriods } from '../../../dev/autoscaler/scaled-object.ts'
import { TestClock } from '../../../runtime/doubles/clock.ts'
import { deviation, objectAt, type Recording, recordings, type Seen, type Timeline } from './recording.ts'

/** What the recorded triggers were told at the clock's time, through the fleet's own reading of a broker. */
function metricsOf(recording: Recording, clock: TestClock) {
  const triggers = objectAt(recording, 0).triggers
  const told = (queue: string): Seen => {
    const now = clock.now() / 1000
    const [, ...seen] = recording.seen.findLast(([at]) => at <= now) ?? [0, 0]
    return seen[triggers.findIndex((trigger) => trigger.type === 'rabbitmq' && trigger.queue === queue)] ?? 0
  }
  const inspector = {
    async depth(queue: string) {
      const seen = told(queue)
      if (seen === 'unreachable') throw new Error('connect ECONNREFUSED')
      return seen === 'missing' ? null : { ready: seen, consumers: 0 }
    },
    close: async () => {},
  }
  const overAmqp = queueMetrics({ inspector, managementUrl: null, vhost: '/' })
  return {
    async read(trigger: Parameters<typeof overAmqp.read>[0]) {
      if (trigger.protocol === 'amqp') return overAmqp.read(trigger)
      const seen = told(trigger.queue)
      return typeof seen === 'number'
        ? ({ kind: 'value', value: seen } as const)
        : ({ kind: 'failed', cause: seen } as const)
    },
  }
}

async function replayed(recording: Recording): Promise<{ timeline: Timeline; reasons: readonly string[] }> {
  const clock = new TestClock(0)
  const object = objectAt(recording, 0)
  const timeline: [number, number][] = [[0, recording.replicasBefore]]
  const reasons: string[] = []
  const replicas = () => timeline.at(-1)?.[1] ?? 0
  const autoscaler = new Autoscaler({
    objects: [object],
    clock,
    periods: { ...hpaPeriods, syncMs: recording.hpaSyncSeconds * 1000 },
    metrics: metricsOf(recording, clock),
    fleet: {
      population: () => {
        const pod = { ready: true, usedMilli: null, requestedMilli: 0 }
        return { replicas: replicas(), pods: Array.from({ length: replicas() }, () => pod) }
      },
      setReplicas(_target, count, reason) {
        timeline.push([clock.now() / 1000, count])
        reasons.push(`${clock.now() / 1000} s: ${count}, ${reason}`)
      },
    },
  })
  autoscaler.start()
  for (const [at] of recording.annotated) {
    await clock.tick(at * 1000 - clock.now())
    const { pause, forceActivation } = objectAt(recording, at)
    autoscaler.pause(object.target, pause)
    autoscaler.force(object.target, forceActivation)
  }
  await clock.tick(recording.seconds * 1000 - clock.now())
  autoscaler.stop()
  return { timeline, reasons }
}

// Where replicas work, the queue is another one between two samples of it: those recordings are for the simulation.
for (const { name, recording } of recordings.filter(({ recording }) => recording.work === null)) {
  test(`as recorded, ${name}: ${recording.about}`, async (t) => {
    const { timeline, reasons } = await replayed(recording)
    const toleranceSeconds = recording.hpaSyncSeconds + objectAt(recording, 0).pollingIntervalMs / 1000
    // What changes last may be seen by one of the two only.
    const off = deviation(timeline, recording.replicas, recording.seconds - toleranceSeconds)
    t.diagnostic(`at most ${off.toFixed(1)} s apart, ${toleranceSeconds} s are allowed`)
    assert.ok(
      off <= toleranceSeconds,
      `${off} s apart\nrecorded ${JSON.stringify(recording.replicas)}\nreplayed\n${reasons.join('\n')}`,
    )
  })
}

test('there are recordings of both protocols, and of each thing that scaling depends on', () => {
  assert.ok(recordings.length >= 12)
  const text = JSON.stringify(recordings)
  for (const word of ['"http"', '"amqp"', 'activationValue', 'stabilizationWindowSeconds', 'fallback', 'paused']) {
    assert.ok(text.includes(word), word)
  }
})
