import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Distribution } from '../../runtime/core/measurements.ts'
import { each } from '../../runtime/core/verdict.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import { bodiesIn, consuming, HeldHandler, inFlight, text } from './consuming.ts'

test('what comes while the handler runs makes the next batch', async () => {
  const handler = new HeldHandler()
  const { loop, put } = consuming({ handle: handler.handle })
  await loop.start()
  await put('a')
  await put('b')
  await put('c', 'd', 'e')
  assert.deepEqual(handler.batches, [['a']])
  await handler.end(0)
  assert.deepEqual(handler.batches, [['a'], ['b', 'c', 'd', 'e']])
})

test('all that comes at once makes one batch, cut at its size', async () => {
  const handler = new HeldHandler()
  const { loop, put } = consuming({ handle: handler.handle, batch: { size: 3 } })
  await put('a', 'b', 'c', 'd', 'e')
  await loop.start()
  await settle()
  assert.deepEqual(handler.batches, [['a', 'b', 'c']])
  await handler.end(0)
  assert.deepEqual(handler.batches[1], ['d', 'e'])
})

test('a batch that is not full waits as long as it may for more', async () => {
  const handler = new HeldHandler()
  const { loop, put, clock } = consuming({ handle: handler.handle, batch: { size: 3, maxWaitMs: 20 } })
  await loop.start()
  await put('a')
  await clock.tick(15)
  await put('b')
  assert.deepEqual(handler.batches, [])
  await clock.tick(4)
  assert.deepEqual(handler.batches, [])
  await clock.tick(1)
  assert.deepEqual(handler.batches, [['a', 'b']])
  await handler.end(0)
  await put('c', 'd', 'e')
  assert.deepEqual(handler.batches[1], ['c', 'd', 'e'], 'a full one leaves at once')
})

test('nothing is acked before the handler is done', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, counters } = consuming({ handle: handler.handle })
  await loop.start()
  await put('a', 'b')
  assert.equal(broker.unacked('logs'), 2)
  assert.equal(counters.acked, 0)
  assert.equal(inFlight(counters), 2)
  await handler.end(0)
  assert.equal(broker.unacked('logs'), 0)
  assert.deepEqual(bodiesIn(broker, 'logs'), [])
  assert.equal(counters.acked, 2)
})

test('handlers that finish in reverse are acked as the finished prefix', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, counters } = consuming({ handle: handler.handle, batch: { size: 1 }, concurrency: 3 })
  await loop.start()
  await put('a', 'b', 'c', 'd')
  assert.deepEqual(handler.batches, [['a'], ['b'], ['c']])
  await handler.end(2)
  await handler.end(1)
  assert.deepEqual(handler.batches[3], ['d'])
  assert.equal(broker.unacked('logs'), 4)
  assert.equal(counters.acked, 2)
  await handler.end(0)
  assert.equal(broker.unacked('logs'), 1)
  await handler.end(3)
  assert.equal(broker.unacked('logs'), 0)
  assert.equal(counters.acked, 4)
})

test('never more handlers run than the concurrency says', async () => {
  let running = 0
  let most = 0
  const done: string[] = []
  const { loop, put, broker } = consuming({
    handle: each(async ({ bytes }) => {
      most = Math.max(most, ++running)
      await settle()
      running--
      done.push(text(bytes))
    }),
    concurrency: 4,
  })
  await loop.start()
  await put(...Array.from('abcdefghijkl'))
  for (let turn = 0; turn < 5; turn++) await settle()
  assert.equal(most, 4)
  assert.deepEqual(done.sort(), Array.from('abcdefghijkl'))
  assert.equal(broker.unacked('logs'), 0)
})

test('the prefetch is twice what the handlers can hold', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker } = consuming({ handle: handler.handle, batch: { size: 5 }, concurrency: 2 })
  await put(...Array.from('abcdefghijklmnopqrstuvwxyz'))
  await loop.start()
  await settle()
  assert.equal(broker.unacked('logs'), 20)
  assert.deepEqual(handler.batches, [Array.from('abcde'), Array.from('fghij')])
})

test('a handler sees body, bytes, id, attempt, redelivered and headers', async () => {
  const handler = new HeldHandler()
  const { loop, send } = consuming({ handle: handler.handle, decode: (bytes) => ({ length: bytes.length }) })
  await loop.start()
  await send({ body: Buffer.from('abc'), messageId: 'file:7', headers: { level: 'warn' } })
  assert.deepEqual(handler.calls[0]?.batch, [
    {
      id: 'file:7',
      body: { length: 3 },
      bytes: Buffer.from('abc'),
      attempt: 1,
      redelivered: false,
      headers: { level: 'warn' },
    },
  ])
})

test('what a handler does to its list does not change whose verdict is whose', async () => {
  const seen: string[] = []
  const { loop, put, broker, counters } = consuming({
    handle: (batch) => {
      seen.push(...batch.map(({ bytes }) => text(bytes)))
      ;(batch as unknown[]).length = 0
    },
  })
  await loop.start()
  await put('a', 'b')
  assert.deepEqual(seen, ['a', 'b'])
  assert.equal(counters.acked, 2)
  assert.equal(broker.unacked('logs'), 0)
})

test('the age of a message is measured at its first attempt, if it has a timestamp; one of the future is 0', async () => {
  const { loop, send, clock, measurements } = consuming({
    retry: { attempts: 2, firstDelayMs: 1000, maxDelayMs: 1000 },
    handle: () => {
      throw new Error('again')
    },
  })
  const second = clock.now()
  await send({ timestamp: second })
  await send({})
  await send({ timestamp: second + 60_000 })
  await clock.tick(40_000)
  await loop.start()
  await clock.tick(5000)
  const ages = measurements
    .families('consumer')
    .find(({ name }) => name === 'kedafn.message.age')
    ?.points.get('')
  assert.deepEqual({ ...(ages as Distribution), buckets: [] }, { buckets: [], count: 2, sum: 40 })
})
