import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { poll } from './support/app.ts'
import { Kubectl } from './support/kubectl.ts'
import { type Login, Rabbit } from './support/rabbit.ts'

const overlay = join(import.meta.dirname, '..', '..', 'manifests', 'overlays', 'rabbitmq-operator')
const kubectl = new Kubectl('kedafn')
const topology = ['vhosts', 'queues', 'exchanges', 'bindings', 'users', 'permissions']
  .map((kind) => `${kind}.rabbitmq.com`)
  .join(',')

async function secret(name: string): Promise<Record<string, string>> {
  const { data } = await kubectl.json<{ data: Record<string, string> }>('get', 'secret', name)
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
}

/** A login of our own choice in a vhost of its own with one queue, as objects of the operators. */
function oddTopology({ username, password, vhost }: Login): object[] {
  const object = (kind: string, spec: object) => ({
    apiVersion: 'rabbitmq.com/v1beta1',
    kind,
    metadata: { name: 'odd' },
    spec: { ...spec, rabbitmqClusterReference: { name: 'rabbitmq' } },
  })
  const everything = { configure: '.*', write: '.*', read: '.*' }
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'odd', labels: { 'rabbitmq.com/topology-operator': 'true' } },
      stringData: { username, password },
    },
    object('Vhost', { name: vhost }),
    object('Queue', { name: 'odd', vhost, type: 'quorum', durable: true }),
    object('User', { importCredentialsSecret: { name: 'odd' } }),
    object('Permission', { vhost, userReference: { name: 'odd' }, permissions: everything }),
  ]
}

test('the operators make the topology, the functions only verify it, and deleting the objects loses no data', async (t) => {
  t.after(() => kubectl.run('delete', 'namespace', 'kedafn', '--ignore-not-found', '--timeout=180s'))
  await kubectl.run('apply', '-k', overlay)
  await kubectl.run('wait', '--for=condition=AllReplicasReady', 'rabbitmqcluster/rabbitmq', '--timeout=240s')
  const odd = { username: 'me@home', password: '#/\\@%: "$', vhost: '/a b' }
  await kubectl.apply(...oddTopology(odd))
  await kubectl.run(
    'wait',
    '--for=condition=Ready',
    'vhosts.rabbitmq.com,users.rabbitmq.com',
    '--all',
    '--timeout=240s',
  )
  // n.b. What failed for want of these is tried again after pauses that double, up to minutes; a change ends the pause.
  await kubectl.run('annotate', topology, '--all', '--overwrite', `tried-again=${Date.now()}`)
  await kubectl.run('wait', '--for=condition=Ready', topology, '--all', '--timeout=240s')
  await kubectl.run('rollout', 'status', 'deployment/log-producer', '--timeout=180s')
  const log = await kubectl.run('logs', 'deployment/log-producer')
  assert.doesNotMatch(log, /FN_/)
  const { username = '', password = '' } = await secret('rabbitmq-default-user')
  const rabbit = new Rabbit(kubectl, { username, password, vhost: 'kedafn' })
  t.after(() => rabbit[Symbol.asyncDispose]())
  const oddRabbit = new Rabbit(kubectl, odd)
  t.after(() => oddRabbit[Symbol.asyncDispose]())
  assert.equal(await oddRabbit.ready('odd'), 0)
  await rabbit.publish('logs', ['one', 'two'])
  await t.waitFor(async () => assert.equal(await replicas(), 1), poll)
  await t.waitFor(async () => assert.equal((await rabbit.queue('logs'))?.messages, 0), poll)
  await kubectl.run('delete', 'scaledobject', 'log-consumer')
  await kubectl.run('scale', 'deployment/log-consumer', '--replicas=0')
  // n.b. A pod that is being ended counts no more, and takes messages until its SIGTERM comes.
  await t.waitFor(async () => {
    const { items } = await kubectl.json<{ items: object[] }>(
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/name=log-consumer',
    )
    assert.equal(items.length, 0)
  }, poll)
  await rabbit.publish('logs', ['three', 'four', 'five'])
  await kubectl.run('delete', topology, '--all', '--timeout=240s')
  await t.waitFor(async () => assert.equal((await rabbit.queue('logs'))?.messages, 3), poll)
})

const replicas = async (): Promise<number> => (await kubectl.replicas('log-consumer')).all
