import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type BrokerLife, OwnedBroker } from '../../dev/broker/handle.ts'

/** A broker whose starts and ends the test decides. */
function scripted(t: TestContext, begin: (signal: AbortSignal) => Promise<void> = async () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-lives-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const events: string[] = []
  const lives: { end(): void }[] = []
  const broker = new OwnedBroker(folder, async (signal) => {
    events.push('launch')
    await begin(signal)
    const exited = Promise.withResolvers<void>()
    lives.push({ end: exited.resolve })
    const number = lives.length
    return {
      url: `amqp://${number}`,
      managementUrl: `http://${number}`,
      description: `life ${number}`,
      exited: exited.promise,
      stop: async () => {
        events.push(`stop ${number}`)
        exited.resolve()
      },
    } satisfies BrokerLife
  })
  const isLocked = () => existsSync(join(folder, 'lock'))
  return { folder, broker, events, lives, isLocked }
}

/** True if the promise is settled once all that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol()
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

test('a broker is stopped once, however often that is asked for', async (t) => {
  const { broker, events, isLocked } = scripted(t)
  await broker.start()
  assert.ok(isLocked())
  await Promise.all([broker.stop(), broker.stop()])
  await broker.stop()
  assert.deepEqual(events, ['launch', 'stop 1'])
  assert.ok(!isLocked())
})

test('a stop is no end of its own, a crash is, and each life has its own end', async (t) => {
  const { broker, lives } = scripted(t)
  await broker.start()
  const first = broker.ended
  lives[0]?.end()
  assert.ok(await isSettled(first))
  await broker.restart()
  assert.equal(broker.description, 'life 2')
  const second = broker.ended
  await broker.stop()
  assert.ok(!(await isSettled(second)))
  await broker.restart()
  lives[2]?.end()
  assert.ok(await isSettled(broker.ended))
})

test('a broker that runs is stopped before it is started again', async (t) => {
  const { broker, events } = scripted(t)
  await broker.start()
  const { ended } = broker
  await broker.restart()
  assert.deepEqual(events, ['launch', 'stop 1', 'launch'])
  assert.ok(!(await isSettled(ended)))
})

test('a stop gives up a start that is under way', async (t) => {
  const begun = Promise.withResolvers<void>()
  const { broker, events, isLocked } = scripted(t, (signal) => {
    begun.resolve()
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  const starting = assert.rejects(broker.start(), /stopped while it started/)
  await begun.promise
  await broker.stop()
  await starting
  assert.deepEqual(events, ['launch'])
  assert.ok(!isLocked())
})

test('who asked for the start can give it up too', async (t) => {
  const stop = new AbortController()
  const { broker } = scripted(t, (signal) => {
    stop.abort(new Error('given up'))
    return Promise.reject(signal.reason)
  })
  await assert.rejects(broker.start(stop.signal), /given up/)
})

test('a failed start leaves the folder to others, and can be tried again', async (t) => {
  let fails = true
  const { broker, isLocked } = scripted(t, async () => {
    if (fails) throw new Error('no luck')
  })
  await assert.rejects(broker.start(), /no luck/)
  assert.ok(!isLocked())
  fails = false
  await broker.restart()
  assert.equal(broker.url, 'amqp://1')
})

test('two brokers never run on one folder', async (t) => {
  const { folder, broker } = scripted(t)
  await broker.start()
  const second = new OwnedBroker(folder, async () => assert.fail('it was started'))
  await assert.rejects(second.start(), /another process runs the broker of/)
  await broker.stop()
})
