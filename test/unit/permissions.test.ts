import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grantsOf, permissionsOf, type Role } from '../../runtime/core/permissions.ts'
import { checkpointQueueOf, lockQueueOf, topologyOf } from '../../runtime/core/topology.ts'

const logs = { queue: 'logs', topology: 'verify' } as const

test('where somebody else makes the topology, each role may do its work and nothing else', () => {
  assert.deepEqual(permissionsOf('producer', logs), {
    configure: '^logs\\.lock\\.[A-Za-z0-9._-]+$',
    write: '^(logs|amq\\.default)$',
    read: '^$',
  })
  assert.deepEqual(permissionsOf('consumer', logs), { configure: '^$', write: '^amq\\.default$', read: '^logs$' })
  assert.deepEqual(permissionsOf('scaler', logs), { configure: '^$', write: '^$', read: '^logs$' })
})

test('a producer needs its lock unless it has none, and its checkpoint if the broker keeps it', () => {
  assert.equal(permissionsOf('producer', { ...logs, lock: false }).configure, '^$')
  const options = { ...logs, source: 'node-7', checkpoint: 'broker' } as const
  assert.deepEqual(permissionsOf('producer', options), {
    configure: '^logs\\.lock\\.node-7$',
    write: '^(logs|amq\\.default)$',
    read: '^logs\\.checkpoint\\.node-7$',
  })
})

test('who declares may do what the broker asks for it', () => {
  const options = { queue: 'logs', exchange: 'events', topology: 'declare', source: 'a', checkpoint: 'broker' } as const
  assert.deepEqual(grantsOf('producer', options), {
    configure: ['events', 'logs\\.dead', 'logs', 'events\\.history', 'logs\\.lock\\.a', 'logs\\.checkpoint\\.a'],
    write: ['amq\\.default', 'events\\.history', 'logs', 'events'],
    read: ['logs', 'events', 'logs\\.lock\\.a', 'logs\\.checkpoint\\.a'],
  })
  assert.deepEqual(grantsOf('consumer', options), {
    configure: ['events', 'logs\\.dead', 'logs', 'logs\\.retry\\.[0-9]+', 'events\\.history'],
    write: ['amq\\.default', 'events\\.history', 'logs'],
    read: ['logs', 'logs\\.retry\\.[0-9]+', 'events'],
  })
})

test('a scaler is the same whoever makes the topology', () => {
  assert.deepEqual(permissionsOf('scaler', { ...logs, topology: 'declare' }), permissionsOf('scaler', logs))
})

test('patterns match the names of their own queue, and no other name', () => {
  const options = { queue: 'a.b', topology: 'declare', checkpoint: 'broker' } as const
  const names = topologyOf('a.b', 'a.b', [1000]).flatMap((declaration) =>
    declaration.kind === 'binding' ? [] : declaration.name,
  )
  const consumer = new RegExp(permissionsOf('consumer', options).configure)
  for (const name of names) assert.match(name, consumer)
  const producer = new RegExp(permissionsOf('producer', options).configure)
  for (const name of [lockQueueOf('a.b', 'x.y-Z_0'), checkpointQueueOf('a.b', 's')]) assert.match(name, producer)
  const roles: Role[] = ['producer', 'consumer', 'scaler']
  for (const pattern of roles.flatMap((role) => Object.values(permissionsOf(role, options)))) {
    for (const name of ['axb', 'a.bc', 'xa.b', 'a.b.other', 'a.b.lock.', 'a.b.retry.x', 'amqxdefault', 'other']) {
      assert.doesNotMatch(name, new RegExp(pattern))
    }
  }
})

test('a character that means something in a pattern stands for itself', () => {
  const queue = 'a+(b)[c]{d}|e?^$\\*'
  const { read } = permissionsOf('scaler', { queue, topology: 'verify' })
  assert.match(queue, new RegExp(read))
})
