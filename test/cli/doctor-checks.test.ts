/** Every check, on a healthy line with one thing broken: that is named, and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checks } from '../../cli/doctor/checks/index.ts'
import { diagnose } from '../../cli/doctor/diagnose.ts'
import { cluster, files, found, management, metadata, queue, scaled, type World } from './support/broken.ts'
import { brokenCluster } from './support/broken-cluster.ts'
import { brokenScaling } from './support/broken-scaling.ts'
import { named } from './support/doctor.ts'
import { healthyFacts } from './support/healthy-facts.ts'

const cases = [...brokenScaling, ...brokenCluster]

const diagnosed = (world: World) => diagnose(world, async () => world)

test('on a healthy line no check finds anything, not even to note', async () => {
  assert.deepEqual(await diagnosed(healthyFacts()), [])
})

for (const { title, expected, ...one } of cases) {
  test(`${title} is named, and nothing else`, async () => {
    const world = healthyFacts()
    one.break(world)
    const findings = await diagnosed(world)
    assert.deepEqual(named(findings), expected)
    for (const { what, why, evidence, mend } of findings) {
      assert.match(what, /[.]$/)
      assert.match(why, /[.]$/)
      assert.ok(evidence.length > 0 && mend.length > 0)
    }
  })
}

/** What a private broker is broken for, in doctor-broker.test.ts. */
const foundForReal = [
  'address-unusable',
  'login-refused',
  'vhost-refused',
  'broker-away',
  'management-away',
  'stats-disabled',
  'queue-missing',
  'topology-missing',
  'topology-differs',
  'no-consumers',
  'dead-letter-target-missing',
  'retry-orphans',
]
/** What is noted only. */
const notes = ['deprecated-features', 'amqp-fallback', 'polling-slow']

test('every check has a test', () => {
  const tested = cases.flatMap(({ expected }) => expected.map((one) => one.split(':')[0] ?? ''))
  const all = checks.map(({ id }) => id)
  assert.equal(new Set(all).size, all.length)
  assert.deepEqual(
    all.filter((id) => ![...tested, ...foundForReal, ...notes].includes(id)),
    [],
  )
})

test('what is worth knowing and no more is a note', async () => {
  const world = healthyFacts()
  management(world).deprecated.push('transient_nonexcl_queues', 'management_metrics_collection')
  const { spec } = scaled(files(world))
  Object.assign(spec, { pollingInterval: 30, cooldownPeriod: 330 })
  metadata(files(world)).protocol = 'amqp'
  const findings = await diagnosed(world)
  assert.deepEqual(named(findings), [])
  assert.deepEqual(findings.map(({ check }) => check).sort(), ['amqp-fallback', 'deprecated-features', 'polling-slow'])
})

test('what has passed at the second look is no finding, and a backlog that shrinks at the maximum neither', async () => {
  const world = healthyFacts()
  Object.assign(queue(world, 'logs'), { messages: 5000 })
  Object.assign(found(cluster(world).hpas[0]), {
    status: {
      currentReplicas: 10,
      conditions: [{ type: 'ScalingLimited', status: 'True', reason: 'TooManyReplicas' }],
    },
  })
  const later = structuredClone(world)
  Object.assign(queue(later, 'logs'), { messages: 4000 })
  assert.deepEqual(await diagnose(world, async () => later), [])
})

test('a Secret, a password or a payload never shows: findings name users and queues alone', async () => {
  const world = healthyFacts()
  metadata(cluster(world)).host = 'http://me:hunter2@rabbitmq:15672/'
  assert.doesNotMatch(JSON.stringify(await diagnosed(world)), /hunter2/)
})
