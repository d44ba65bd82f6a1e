import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  boundQueuesOf,
  checkpointQueueOf,
  checkpointTopology,
  deadQueueOf,
  historyOf,
  lockQueueOf,
  producerTopologyOf,
  retryQueueOf,
  topologyOf,
} from '../../runtime/core/topology.ts'

test('the names of a queue follow from its own', () => {
  assert.equal(deadQueueOf('logs'), 'logs.dead')
  assert.equal(historyOf('events'), 'events.history')
  assert.equal(retryQueueOf('logs', 8000), 'logs.retry.8000')
  assert.equal(checkpointQueueOf('logs', 'node-1'), 'logs.checkpoint.node-1')
  assert.equal(lockQueueOf('logs', 'node-1'), 'logs.lock.node-1')
})

// Redeclaring a queue with other arguments is refused by every broker that has it: a change here is a migration.
test('the topology of a queue is these declarations, in this order, with these arguments', () => {
  const work = {
    'x-queue-type': 'quorum',
    'x-delivery-limit': 1000,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'errors.dead',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  }
  const retry = (delayMs: number) => ({
    'x-queue-type': 'quorum',
    'x-message-ttl': delayMs,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'errors',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  })
  const history = { 'x-queue-type': 'stream', 'x-max-age': '7D', 'x-stream-max-segment-size-bytes': 16_777_216 }
  assert.deepEqual(topologyOf('errors', 'logs', [1000, 2000]), [
    { kind: 'exchange', name: 'logs', type: 'fanout' },
    { kind: 'queue', name: 'errors.dead', arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 } },
    { kind: 'queue', name: 'errors', arguments: work },
    { kind: 'queue', name: 'errors.retry.1000', arguments: retry(1000) },
    { kind: 'queue', name: 'errors.retry.2000', arguments: retry(2000) },
    { kind: 'queue', name: 'logs.history', arguments: history },
    { kind: 'binding', exchange: 'logs', queue: 'logs.history' },
    { kind: 'binding', exchange: 'logs', queue: 'errors' },
  ])
})

test('every queue is declared after the one it dead-letters to, and bound after it is declared', () => {
  const declared = new Set<string>()
  for (const declaration of topologyOf('logs', 'logs', [10, 20, 40])) {
    if (declaration.kind === 'binding') {
      assert.ok(declared.has(`queue ${declaration.queue}`) && declared.has(`exchange ${declaration.exchange}`))
      continue
    }
    const target = declaration.kind === 'queue' ? declaration.arguments['x-dead-letter-routing-key'] : undefined
    if (target !== undefined) assert.ok(declared.has(`queue ${target}`), `${declaration.name} -> ${target}`)
    declared.add(`${declaration.kind} ${declaration.name}`)
  }
})

test('the longest names still fit the 255 bytes of the protocol', () => {
  const longest = 'q'.repeat(200)
  for (const name of [deadQueueOf(longest), historyOf(longest), retryQueueOf(longest, 86_400_000)]) {
    assert.ok(name.length <= 255)
  }
})

test('an ordered queue has one active consumer at a time, any other has no such argument', () => {
  const argumentsOf = (ordered: boolean): Readonly<Record<string, unknown>> => {
    const declaration = topologyOf('q', 'x', [], ordered).find((one) => one.kind === 'queue' && one.name === 'q')
    return declaration?.kind === 'queue' ? declaration.arguments : {}
  }
  assert.equal(argumentsOf(true)['x-single-active-consumer'], true)
  assert.equal('x-single-active-consumer' in argumentsOf(false), false)
})

test('the checkpoint queue keeps the newest message, however often it is read', () => {
  assert.deepEqual(checkpointTopology('logs', 'node-1'), {
    kind: 'queue',
    name: 'logs.checkpoint.node-1',
    arguments: {
      'x-queue-type': 'quorum',
      'x-max-length': 1,
      'x-overflow': 'drop-head',
      'x-delivery-limit': 1_000_000,
    },
  })
})

test('a producer has the topology without retry queues, and leaves the order of the queue to its consumer', () => {
  for (const ordered of [true, false]) {
    const expected = topologyOf('errors', 'logs', [], ordered)
    const found = producerTopologyOf('errors', 'logs', ordered)
    assert.deepEqual(
      found.map((one) => ('tolerated' in one ? { ...one, tolerated: undefined } : one)),
      expected.map((one) => (one.kind === 'queue' && one.name === 'errors' ? { ...one, tolerated: undefined } : one)),
    )
    assert.deepEqual(
      found.flatMap((one) => ('tolerated' in one ? [[one.name, one.tolerated]] : [])),
      [['errors', ['x-single-active-consumer']]],
    )
  }
})

test('the queues that an exchange feeds are those that are bound to it, and not their history', () => {
  assert.deepEqual(boundQueuesOf(topologyOf('errors', 'logs', [1000])), [{ queue: 'errors', exchange: 'logs' }])
  assert.deepEqual(boundQueuesOf([checkpointTopology('logs', 'a')]), [])
})
