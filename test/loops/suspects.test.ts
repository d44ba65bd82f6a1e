import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FnError } from '../../runtime/core/errors.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import { bodiesIn, consuming, HeldHandler, inFlight, isPending } from './consuming.ts'

const suspect = { 'kedafn-suspect': true }

test('a suspect is handled alone: nothing beside it, and never an empty batch', async () => {
  const handler = new HeldHandler()
  const { loop, send, put, broker } = consuming({ handle: handler.handle, batch: { size: 2 }, concurrency: 2 })
  await loop.start()
  await put('a', 'b', 'c')
  await send({ body: Buffer.from('s1'), headers: suspect })
  await send({ body: Buffer.from('s2'), headers: suspect })
  await put('d')
  assert.deepEqual(handler.batches, [['a', 'b'], ['c']])
  await handler.end(0)
  assert.equal(handler.batches.length, 2, 'it waits until nothing runs')
  await handler.end(1)
  assert.deepEqual(handler.batches[2], ['s1'])
  assert.equal(handler.batches.length, 3)
  await handler.end(2)
  assert.deepEqual(handler.batches[3], ['s2'])
  await handler.end(3)
  assert.deepEqual(handler.batches.slice(4), [['d']])
  await handler.end(4)
  assert.equal(broker.unacked('logs'), 0)
  assert.ok(handler.batches.every((batch) => batch.length > 0))
})

test('what came back too often is marked as a suspect before anything else is prefetched', async () => {
  const handler = new HeldHandler()
  const { loop, send, put, broker, counters } = consuming({ handle: handler.handle })
  await send({ body: Buffer.from('bad'), headers: { 'x-delivery-count': 3, level: 'warn' } })
  await put('good')
  broker.holdConfirms()
  await loop.start()
  await settle()
  assert.equal(broker.unacked('logs'), 1)
  assert.deepEqual(handler.batches, [])
  broker.releaseConfirms()
  await settle()
  assert.deepEqual(handler.batches, [['bad']])
  assert.deepEqual(handler.calls[0]?.batch[0]?.headers, { level: 'warn', ...suspect })
  await handler.end(0)
  assert.deepEqual(handler.batches[1], ['good'])
  await handler.end(1)
  assert.deepEqual([counters.retried, counters.acked, inFlight(counters)], [1, 2, 0])
})

test('a suspect that went on killing its process alone is dead, and the rest is handled', async () => {
  const handler = new HeldHandler()
  const { loop, send, put, broker } = consuming({ handle: handler.handle })
  await send({ body: Buffer.from('bad'), headers: { ...suspect, 'x-delivery-count': 4 } })
  await put('good')
  await loop.start()
  await settle()
  assert.deepEqual(handler.batches, [['good']])
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), ['bad'])
  assert.equal(broker.ready('logs.dead')[0]?.headers?.['kedafn-code'], 'FN_CRASH_LOOP')
})

test('a drain hands suspects back that did not start', async () => {
  const handler = new HeldHandler()
  const { loop, send, put, broker, counters } = consuming({ handle: handler.handle })
  await loop.start()
  await put('a')
  await send({ body: Buffer.from('s'), headers: suspect })
  const drained = loop.drain()
  await handler.end(0)
  await drained
  assert.deepEqual(bodiesIn(broker, 'logs'), ['s'])
  assert.deepEqual([counters.acked, counters.handedBack, inFlight(counters)], [1, 1, 0])
})

test('a batch whose time is over is retried, its signal aborted, and its place taken until the handler ends', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, clock } = consuming({ handle: handler.handle, timeoutMs: 100, batch: { size: 1 } })
  await put('a', 'b')
  await loop.start()
  await clock.tick(99)
  assert.equal(handler.calls[0]?.signal.aborted, false)
  await clock.tick(1)
  assert.equal(handler.calls[0]?.signal.aborted, true)
  assert.deepEqual(bodiesIn(broker, 'logs.retry.1000'), ['a'])
  assert.equal(broker.ready('logs.retry.1000')[0]?.headers?.['kedafn-code'], 'FN_HANDLER_TIMEOUT')
  assert.equal(broker.unacked('logs'), 1)
  assert.equal(handler.batches.length, 1)
  await handler.end(0)
  await clock.tick(0)
  assert.deepEqual(handler.batches[1], ['b'])
  assert.equal(await isPending(loop.failed), true)
})

test('a handler that goes on long after its time fails the loop', async () => {
  const handler = new HeldHandler()
  const { loop, put, clock } = consuming({ handle: handler.handle, timeoutMs: 100 })
  await put('a')
  await loop.start()
  await clock.tick(20_000)
  await assert.rejects(loop.failed, (error: FnError) => error.code === 'FN_HANDLER_STUCK')
})
