import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Plan } from '../../dev/plan.ts'
import { isPodOf, podNames } from '../../dev/pod-name.ts'
import { scalingPlanOf } from '../../dev/scaling.ts'
import { temporaryFolder } from './folder.ts'

const planned = (name: string, kind: Plan['kind'] = 'consumer') => ({ name, kind }) as Plan
const plans = [planned('log-consumer'), planned('log-producer', 'producer')]
const all = { management: true, cpu: true }
const base = join(import.meta.dirname, '../../keda/base')

/** A folder with the repository's objects, changed if that is asked for. */
function rootWith(t: TestContext, change: (text: string) => string = (text) => text): string {
  const root = temporaryFolder(t)
  mkdirSync(join(root, 'keda'))
  cpSync(base, join(root, 'keda/base'), { recursive: true })
  const path = join(root, 'keda/base/log-consumer.yaml')
  writeFileSync(path, change(readFileSync(path, 'utf8')))
  return root
}

test('what runs here is scaled by what is rendered for it, and by nothing else', (t) => {
  const { objects, fixed, notes } = scalingPlanOf(plans, rootWith(t), all)
  assert.deepEqual(
    objects.map(({ target, maxReplicas }) => [target, maxReplicas]),
    [['log-consumer', 10]],
  )
  assert.deepEqual([fixed.size, notes], [0, []])
})

test('a consumer without an object runs as one process, and says what renders it', (t) => {
  const { objects, fixed, notes } = scalingPlanOf([planned('new-one')], rootWith(t), all)
  assert.deepEqual(objects, [])
  assert.deepEqual(fixed.get('new-one'), { first: 1, scaled: false })
  assert.match(
    notes.join(),
    /^new-one is not scaled.*keda\/base\/new-one\.yaml; node build\.mjs --manifests renders it$/,
  )
})

test('a consumer whose file scales something else runs as one process, and says so', (t) => {
  const astray = rootWith(t, (text) => text.replace('    name: log-consumer\n', '    name: log-consumers\n'))
  const { objects, fixed, notes } = scalingPlanOf(plans, astray, all)
  assert.deepEqual([objects, fixed.get('log-consumer')], [[], { first: 1, scaled: false }])
  assert.match(notes.join(), /^log-consumer is not scaled.*no ScaledObject in keda\/base\/log-consumer\.yaml has it/)
})

test('where the management is not known, what needs it is not scaled', (t) => {
  const { objects, notes } = scalingPlanOf(plans, rootWith(t), { ...all, management: false })
  assert.deepEqual(objects, [])
  assert.match(notes.join(), /RABBITMQ_MANAGEMENT_URL/)
  const overAmqp = rootWith(t, (text) => text.replace('protocol: http', 'protocol: amqp'))
  assert.equal(scalingPlanOf(plans, overAmqp, { ...all, management: false }).objects.length, 1)
})

test('where nobody tells what a process uses, a function with a cpu trigger runs at a fixed count', (t) => {
  const root = rootWith(
    t,
    (text) =>
      `${text.replace('minReplicaCount: 0', 'minReplicaCount: 2')}    - type: cpu\n      metadata: { value: "70" }\n`,
  )
  assert.equal(scalingPlanOf(plans, root, all).objects[0]?.triggers.length, 2)
  const { objects, fixed, notes } = scalingPlanOf(plans, root, { ...all, cpu: false })
  assert.deepEqual([objects, fixed.get('log-consumer')], [[], { first: 2, scaled: false }])
  assert.match(notes.join(), /^log-consumer is not scaled, it runs as 2 processes: a cpu trigger needs/)
})

test('a trigger that cannot be tried runs at a fixed count, a field that is wrong is refused by file and line', (t) => {
  const cron = rootWith(t, (text) => text.replace('- type: rabbitmq', '- type: cron'))
  assert.deepEqual(scalingPlanOf(plans, cron, all).fixed.get('log-consumer'), { first: 1, scaled: false })
  const wrong = rootWith(t, (text) => text.replace('pollingInterval:', 'polingInterval:'))
  assert.throws(() => scalingPlanOf(plans, wrong, all), {
    name: 'UsageError',
    message:
      /^keda\/base\/log-consumer\.yaml:\d+: spec\.polingInterval is not known; meant is perhaps pollingInterval$/,
  })
})

test('pods have names like a ReplicaSet’s, which tell whose they are', () => {
  const name = podNames('log-consumer')
  const [one, other] = [name(), name()]
  assert.match(one, /^log-consumer-[a-z0-9]{4}-[a-z0-9]{5}$/)
  assert.notEqual(one, other)
  assert.equal(one.slice(0, 17), other.slice(0, 17))
  assert.ok(isPodOf('log-consumer', one))
  for (const no of ['log-consumer', 'log-consumer-copies', `log-${one}`, `${one}x`])
    assert.ok(!isPodOf('log-consumer', no), no)
})
