import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { decodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import { adapter } from '../broker/world.ts'
import { BrokerSide } from '../faults/broker-side.ts'
import { openVhost } from '../support/broker.ts'
import { bundles, Workspace } from '../support/workspace.ts'

const built = await bundles()
after(() => built.dispose())

const poll = { interval: 20, timeout: 30_000 }
const queue = 'logs'
const early = Array.from({ length: 50 }, (_, index) => `early ${index}`)
const late = Array.from({ length: 50 }, (_, index) => `late ${index}`)
const textOf = (lines: readonly string[]): string => `${lines.join('\n')}\n`

async function declare(url: string): Promise<void> {
  const publisher = adapter(url).broker.publisher({ window: 1, windowBytes: 1, topology: topologyOf(queue, queue) })
  await publisher.ready
  await publisher.close()
}

/** A producer with nothing left to send, whose early lines are all saved and taken; and nobody who consumes. */
async function atRest(t: TestContext, env: Record<string, string>) {
  const vhost = await openVhost('queue-gone')
  const work = new Workspace(t, vhost.url)
  const broker = await BrokerSide.at(vhost.url)
  t.after(async () => {
    await broker.close()
    await vhost.dispose()
  })
  const checkpointed = (): number => {
    const stored = work.read('checkpoint').toString()
    return stored === '' ? 0 : decodeCheckpoint(stored, 'the checkpoint').offset
  }
  if (env.KEDAFN_TOPOLOGY === 'verify') await declare(vhost.url)
  work.write(textOf(early))
  const producer = work.start(built.of('log-producer'), env)
  await t.waitFor(() => assert.equal(checkpointed(), textOf(early).length), poll)
  assert.deepEqual((await broker.takeAll(queue)).map(({ line }) => line).toSorted(), early.toSorted())
  return { vhost, work, broker, producer, checkpointed }
}

/** All late lines are in the queue that was made anew, and the checkpoint is at their end. @returns the lines, each once */
async function allArrive(
  t: TestContext,
  { broker, checkpointed }: Awaited<ReturnType<typeof atRest>>,
): Promise<string[]> {
  await t.waitFor(() => assert.equal(checkpointed(), textOf([...early, ...late]).length), poll)
  const taken = [...new Set((await broker.takeAll(queue)).map(({ line }) => line))]
  assert.deepEqual(taken.toSorted(), late.toSorted())
  return taken
}

const gone = 'what was sent since the last checkpoint is sent again'

test('a queue that is deleted under its producer, with nobody who consumes, is made anew and misses no line', async (t) => {
  const ground = await atRest(t, {})
  await ground.broker.remove(queue)
  ground.work.append(textOf(late))
  await ground.producer.logged(gone)
  assert.deepEqual(await allArrive(t, ground), late)
})

test('a queue that was deleted and made anew by others, with lines confirmed in between, misses none of them', async (t) => {
  // No checkpoint comes before the last late line.
  const ground = await atRest(t, { KEDAFN_CHECKPOINT_MS: '60000', KEDAFN_CHECKPOINT_LINES: `${early.length}` })
  const { broker, producer, work, vhost } = ground
  const confirmed = () => producer.counters?.confirmed ?? 0
  await broker.remove(queue)
  work.append(textOf(late.slice(0, -1)))
  await producer.until('they are confirmed', () => confirmed() === early.length + late.length - 1)
  await declare(vhost.url)
  work.append(textOf(late.slice(-1)))
  await producer.logged(gone)
  // The last one came to the new queue before its producer asked.
  assert.equal((await allArrive(t, ground))[0], late.at(-1))
})

test('where it may only verify, its producer ends with the code, and the next run sends what went to the history alone', async (t) => {
  const ground = await atRest(t, { KEDAFN_TOPOLOGY: 'verify' })
  const { broker, work, producer, checkpointed } = ground
  await broker.remove(queue)
  work.append(textOf(late))
  assert.deepEqual(await producer.exited, { code: 1, signal: null })
  assert.match(JSON.stringify(producer.entries), /FN_TOPOLOGY_MISSING/)
  assert.equal(checkpointed(), textOf(early).length)
  work.start(built.of('log-producer'))
  assert.deepEqual(await allArrive(t, ground), late)
})
