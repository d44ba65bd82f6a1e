import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drop, retry } from '../../runtime/core/verdict.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import { bodiesIn, consuming, HeldHandler, inFlight, isPending, text } from './consuming.ts'

/** The first letter of a body. */
const byLetter = { key: ({ bytes }: { bytes: Uint8Array }) => text(bytes).slice(0, 1) }

test('by key: one batch of a key after the other, different keys side by side', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker } = consuming({ handle: handler.handle, order: byLetter, concurrency: 3 })
  await put('a1', 'b1', 'a2', 'c1', 'b2')
  await loop.start()
  await settle()
  assert.deepEqual(handler.batches, [['a1', 'a2'], ['b1', 'b2'], ['c1']])
  await put('a3', 'b3')
  await handler.end(1)
  assert.deepEqual(handler.batches[3], ['b3'])
  await handler.end(0)
  assert.deepEqual(handler.batches[4], ['a3'])
  for (const call of [2, 3, 4]) await handler.end(call)
  assert.equal(broker.unacked('logs'), 0)
})

test('what fails is tried again in its place, and only its own key waits for it', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, clock } = consuming({
    ...{ handle: handler.handle, order: byLetter, concurrency: 2, batch: { size: 1 } },
    retry: { attempts: 2, firstDelayMs: 100 },
  })
  await put('a1', 'a2', 'b1')
  await loop.start()
  await settle()
  await handler.end(0, (batch) => batch.map((one) => retry(one, 'not now')))
  await handler.end(1)
  await clock.tick(99)
  assert.deepEqual(handler.batches, [['a1'], ['b1']])
  await clock.tick(1)
  assert.deepEqual(handler.batches[2], ['a1'])
  assert.equal(handler.calls[2]?.batch[0]?.attempt, 2)
  await handler.end(2, (batch) => batch.map((one) => retry(one, 'never')))
  assert.deepEqual(handler.batches[3], ['a2'])
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), ['a1'])
  await handler.end(3)
  assert.equal(broker.unacked('logs'), 0)
})

test('a handler that changes a body does not move it to another key', async () => {
  const seen: unknown[] = []
  const { loop, put } = consuming({
    decode: (bytes) => ({ id: text(bytes) }),
    order: { key: ({ body }) => (body as { id: string }).id },
    handle: ([delivery]) => {
      const body = delivery?.body as { id: string }
      seen.push(body.id)
      body.id = 'changed'
    },
  })
  await loop.start()
  for (const body of ['a', 'a', 'a']) await put(body)
  assert.deepEqual(seen, ['a', 'a', 'a'])
})

test('a key that cannot be told sends the delivery to dead letters, and the next ones are handled', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker } = consuming({
    handle: handler.handle,
    order: {
      key: ({ bytes }) => {
        if (text(bytes) === 'bad') throw new Error('no key')
        return ''
      },
    },
  })
  await put('a', 'bad', 'b')
  await loop.start()
  await settle()
  assert.deepEqual(handler.batches, [['a', 'b']])
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), ['bad'])
  assert.equal(broker.ready('logs.dead')[0]?.headers?.['kedafn-cause'], 'no key')
})

test('a drain of an ordered queue gives it back in its order, and finished work is acked', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, counters } = consuming({
    ...{ handle: handler.handle, order: byLetter, concurrency: 2, batch: { size: 1 }, retry: { firstDelayMs: 100 } },
  })
  const next = new HeldHandler()
  const other = broker.consumer({ queue: 'logs', prefetch: 100, topology: [] })
  await put('a1', 'b1', 'a2', 'b2')
  await loop.start()
  await settle()
  const taken: string[] = []
  other.start({ ready() {}, lost() {}, delivery: ({ body }) => void taken.push(text(body)) })
  const drained = loop.drain()
  await put('a3')
  assert.equal(await isPending(drained), true)
  assert.deepEqual(taken, [], 'the next consumer waits until this one is through')
  await handler.end(1)
  await handler.end(0, (batch) => batch.map((one) => retry(one, 'not now')))
  await drained
  await settle()
  assert.deepEqual(taken, ['a1', 'a2', 'b2', 'a3'])
  assert.deepEqual(next.batches, [])
  assert.deepEqual([counters.acked, inFlight(counters), broker.unacked('logs')], [1, 0, 4])
})

test('what waits in its place goes back at a drain, with no attempt counted', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, clock } = consuming({ handle: handler.handle, order: 'queue' })
  await put('a', 'b')
  await loop.start()
  await settle()
  await handler.end(0, (batch) => batch.map((one) => retry(one, 'not now')))
  await loop.drain()
  await clock.tick(10_000)
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a', 'b'])
  assert.equal(handler.batches.length, 1)
  assert.equal(broker.ready('logs')[0]?.headers?.['kedafn-failed-attempts'], undefined)
})

test('handlers told to give up leave their deliveries in their place; what they dropped is dropped', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker } = consuming({ handle: handler.handle, order: 'queue', batch: { size: 2 } })
  await put('a', 'b', 'c')
  await loop.start()
  await settle()
  const drained = loop.drain()
  loop.abortHandlers()
  await handler.end(0, ([a, b]) => (a && b ? [retry(a, 'told to'), drop(b, 'useless')] : []))
  await drained
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a', 'c'])
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), ['b'])
})

test('a failure on a lost source does not run again beside the copy that came again', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, clock } = consuming({
    handle: handler.handle,
    order: 'queue',
    retry: { firstDelayMs: 10 },
  })
  await put('a', 'b')
  await loop.start()
  await settle()
  broker.cut()
  await clock.tick(100)
  await handler.end(0, (batch) => batch.map((one) => retry(one, 'not now')))
  await clock.tick(1000)
  assert.deepEqual(handler.batches, [
    ['a', 'b'],
    ['a', 'b'],
  ])
  await handler.end(1)
  await clock.tick(1000)
  assert.equal(handler.batches.length, 2)
  assert.equal(broker.unacked('logs'), 0)
})
