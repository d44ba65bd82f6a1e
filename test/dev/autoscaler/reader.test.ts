import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readScaledObjects } from '../../../dev/autoscaler/reader.ts'
import { accelerated, defaultBehavior } from '../../../dev/autoscaler/scaled-object.ts'
import { objectWith } from './objects.ts'

const head = 'apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n'
const read = (text: string) => readScaledObjects([{ path: 'keda/base/a.yaml', text: head + text }])
const least = `metadata: {name: consumer}
spec:
  scaleTargetRef: {name: consumer}
  triggers: [{type: rabbitmq, name: logs, metadata: {protocol: http, queueName: logs}}]
`
const trigger = (metadata: string, rest = '') => `metadata: {name: a}
spec:
  scaleTargetRef: {name: a}
  triggers: [{type: rabbitmq, metadata: {protocol: http, queueName: q, ${metadata}}${rest}}]
`
const behaving = (behavior: string) =>
  least.replace('spec:', `spec:\n  advanced: {horizontalPodAutoscalerConfig: {behavior: ${behavior}}}`)
const refusal = (text: string): string => {
  try {
    read(text)
  } catch (error) {
    return String(error)
  }
  return 'it was taken'
}

test('what is not said has the default of KEDA', () => {
  assert.deepEqual(read(least), { objects: [objectWith()], fixed: [] })
})

test('an object with everything is read as it stands, and other kinds in the file are passed over', () => {
  const text = `metadata:
  name: consumer
  annotations: {autoscaling.keda.sh/paused-replicas: "2", autoscaling.keda.sh/paused-scale-in: "yes"}
spec:
  scaleTargetRef: {name: logs-consumer}
  pollingInterval: 5
  cooldownPeriod: 60
  initialCooldownPeriod: 10
  minReplicaCount: 1
  maxReplicaCount: 10
  idleReplicaCount: 0
  fallback: {failureThreshold: 3, replicas: 1, behavior: currentReplicasIfHigher}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleDown: {stabilizationWindowSeconds: 60, policies: [{type: Percent, value: 50, periodSeconds: 30}]}
  triggers:
    - type: rabbitmq
      metricType: Value
      useCachedMetrics: true
      metadata: {host: "amqp://rabbitmq/", queueName: logs, mode: QueueLength, value: "7.5", activationValue: "3"}
      authenticationRef: {name: rabbitmq}
    - {type: cpu, metricType: AverageValue, metadata: {value: 250m}}
---
kind: TriggerAuthentication
metadata: {name: rabbitmq}
`
  const [object] = read(text).objects
  assert.deepEqual(object, {
    name: 'consumer',
    target: 'logs-consumer',
    pollingIntervalMs: 5000,
    cooldownMs: 60_000,
    initialCooldownMs: 10_000,
    minReplicas: 1,
    maxReplicas: 10,
    idleReplicas: 0,
    fallback: { failureThreshold: 3, replicas: 1, behavior: 'currentReplicasIfHigher' },
    behavior: {
      scaleUp: defaultBehavior.scaleUp,
      scaleDown: {
        ...defaultBehavior.scaleDown,
        stabilizationMs: 60_000,
        policies: [{ type: 'Percent', value: 50, periodMs: 30_000 }],
      },
    },
    triggers: [
      {
        type: 'rabbitmq',
        name: 's0-rabbitmq-logs',
        queue: 'logs',
        protocol: 'amqp',
        excludeUnacknowledged: false,
        value: 7.5,
        activationValue: 3,
        metricType: 'Value',
        useCachedMetrics: true,
      },
      { type: 'cpu', name: 's1-cpu', metricType: 'AverageValue', value: 250 },
    ],
    pause: { all: true, replicas: 2, scaleIn: true, scaleOut: false },
    forceActivation: false,
  })
})

for (const [what, text, expected] of [
  [
    'a slip in a name',
    least.replace('spec:', 'spec:\n  cooldownperiod: 3'),
    'keda/base/a.yaml:5: spec.cooldownperiod is not known; meant is perhaps cooldownPeriod',
  ],
  [
    'a number in metadata',
    trigger('value: 20'),
    'keda/base/a.yaml:6: spec.triggers[0].metadata.value is 20; expected a string, in quotes',
  ],
  ['a slip in metadata', trigger('vHostNam: a'), 'metadata.vHostNam is not known; meant is perhaps vhostName'],
  ['a value of 0', trigger('value: "0"'), 'metadata.value is "0"; expected a number above 0'],
  [
    'the old name beside the new one',
    trigger('value: "1", queueLength: "1"'),
    'queueLength cannot stand beside mode or value',
  ],
  [
    'a poll without pause',
    least.replace('spec:', 'spec:\n  pollingInterval: 0'),
    'spec.pollingInterval is 0; expected a whole number of 1 or more',
  ],
  [
    'a minimum above the maximum',
    least.replace('spec:', 'spec:\n  minReplicaCount: 101'),
    'spec.minReplicaCount is 101; expected at most maxReplicaCount, which is 100',
  ],
  [
    'idle replicas without minimum',
    least.replace('spec:', 'spec:\n  idleReplicaCount: 0'),
    'spec.idleReplicaCount is 0; expected less than minReplicaCount',
  ],
  [
    'half a fallback',
    least.replace('spec:', 'spec:\n  fallback: {replicas: 1}'),
    'spec.fallback.failureThreshold is missing',
  ],
  [
    'a fraction that the API server does not take',
    behaving('{scaleUp: {tolerance: 0.05}}'),
    'behavior.scaleUp.tolerance is 0.05; expected a quantity of 0 or more in quotes, such as "0.05"',
  ],
  ['no target', least.replace('  scaleTargetRef: {name: consumer}\n', ''), 'spec.scaleTargetRef.name is missing'],
  ['no triggers', 'metadata: {name: a}\nspec: {scaleTargetRef: {name: a}}', 'spec.triggers is missing or empty'],
  [
    'cpu alone with minimum 0',
    'metadata: {name: a}\nspec: {scaleTargetRef: {name: a}, triggers: [{type: cpu, metadata: {value: "50"}}]}',
    'a cpu trigger cannot wake a function',
  ],
  ['what is no YAML', 'a: 1\nb: [', 'keda/base/a.yaml:4: '],
  [
    'a slip in an annotation of KEDA',
    least.replace('{name: consumer}\n', '{name: consumer, annotations: {autoscaling.keda.sh/puased: "true"}}\n'),
    'autoscaling.keda.sh/puased is not known; meant is perhaps autoscaling.keda.sh/paused',
  ],
  [
    'a slip in what is said of the object',
    least.replace('{name: consumer}\n', '{name: consumer, anotations: {}}\n'),
    'keda/base/a.yaml:3: metadata.anotations is not known; meant is perhaps annotations',
  ],
  [
    'a slip in the kind of an object',
    `${least}---\nkind: ScaldObject\n`,
    'keda/base/a.yaml:8: kind is "ScaldObject"; meant is perhaps ScaledObject',
  ],
  ['an object without a kind', `${least}---\nmetadata: {}\n`, 'keda/base/a.yaml:8: kind is missing'],
  [
    'a second object for one Deployment',
    `${least}---\n${head}${least}`,
    'keda/base/a.yaml:8: spec.scaleTargetRef.name is consumer, which consumer scales already',
  ],
] as const) {
  test(`${what} is refused with its place`, () => {
    assert.ok(refusal(text).includes(expected), refusal(text))
  })
}

test('a tolerance is a quantity, for each direction', () => {
  const [object] = read(behaving('{scaleUp: {tolerance: "0.05"}, scaleDown: {tolerance: 50m}}')).objects
  assert.deepEqual([object?.behavior?.scaleUp.tolerance, object?.behavior?.scaleDown.tolerance], [0.05, 0.05])
  assert.equal(read(behaving('{scaleUp: {tolerance: 1}}')).objects[0]?.behavior?.scaleUp.tolerance, 1)
})

test('all problems are told at once', () => {
  assert.equal(refusal(trigger('value: 20, queueNam: q')).split('\n').length, 2)
})

test('what is right but cannot be tried here is named, and its function has a fixed count', () => {
  for (const [text, because] of [
    [
      trigger('mode: MessageRate, value: "1"'),
      'spec.triggers[0].metadata.mode MessageRate: only QueueLength can be tried here',
    ],
    [
      'metadata: {name: a}\nspec: {scaleTargetRef: {name: a}, triggers: [{type: cron}]}',
      'spec.triggers[0].type cron: only rabbitmq and cpu can be tried here',
    ],
  ] as const) {
    assert.deepEqual(read(text), { objects: [], fixed: [{ target: 'a', replicas: 1, because }] })
  }
})

test('a world that goes faster has shorter periods and the same numbers', () => {
  const fast = accelerated(objectWith({ behavior: defaultBehavior }), 10)
  assert.equal(fast.pollingIntervalMs, 3000)
  assert.equal(fast.cooldownMs, 30_000)
  assert.equal(fast.behavior?.scaleDown.stabilizationMs, 30_000)
  assert.equal(fast.behavior?.scaleUp.policies[0]?.periodMs, 1500)
  assert.deepEqual(fast.triggers, objectWith().triggers)
})

test('every ScaledObject that is deployed can be tried here', () => {
  const folder = new URL('../../../keda/base/', import.meta.url)
  const files = readdirSync(folder)
    .filter((name) => name !== 'kustomization.yaml')
    .map((name) => ({ path: name, text: readFileSync(new URL(name, folder), 'utf8') }))
  const { objects, fixed } = readScaledObjects(files)
  assert.equal(objects.length, files.length)
  assert.deepEqual(fixed, [])
})
