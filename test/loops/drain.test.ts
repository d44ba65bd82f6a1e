import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drop, each, retry } from '../../runtime/core/verdict.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import { bodiesIn, consuming, HeldHandler, inFlight, isPending } from './consuming.ts'

test('a drain finishes what runs and hands back what did not start, in order, after a moment at most', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, clock, counters } = consuming({ handle: handler.handle, batch: { size: 2 } })
  await put(...Array.from('abcdefgh'))
  await loop.start()
  await settle()
  const drained = loop.drain()
  await clock.tick(30)
  assert.deepEqual(bodiesIn(broker, 'logs'), Array.from('cdefgh'))
  assert.equal(await isPending(drained), true)
  assert.deepEqual([broker.unacked('logs'), counters.handedBack], [2, 6])
  await handler.end(0)
  await drained
  assert.deepEqual(bodiesIn(broker, 'logs'), Array.from('cdefgh'))
  assert.deepEqual(handler.batches, [['a', 'b']])
  assert.deepEqual([counters.acked, counters.handedBack, counters.lost, inFlight(counters)], [2, 6, 0, 0])
  assert.equal(broker.sessions.size, 0)
})

test('a drain hands back in one piece if what runs ends in a moment', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker } = consuming({ handle: handler.handle, batch: { size: 2 } })
  await put(...Array.from('abcdefgh'))
  await loop.start()
  await settle()
  const drained = loop.drain()
  await settle()
  assert.deepEqual(bodiesIn(broker, 'logs'), [])
  await handler.end(0)
  await drained
  assert.deepEqual(bodiesIn(broker, 'logs'), Array.from('cdefgh'))
})

test('what is handed back has no attempt counted', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker } = consuming({ handle: handler.handle, batch: { size: 1 } })
  await put('a', 'b')
  await loop.start()
  await settle()
  const drained = loop.drain()
  await handler.end(0)
  await drained
  assert.deepEqual(broker.ready('logs')[0]?.headers, undefined)
})

test('deliveries that come while the cancel is under way go back and are not lost or run', async () => {
  const handler = new HeldHandler()
  const { loop, put, send, broker, counters } = consuming({ handle: handler.handle, decode: () => assert.fail('bad') })
  await loop.start()
  await settle()
  // On its way: the broker delivers it before it hears of the cancel.
  const sent = send({ body: Buffer.from('a') })
  const drained = loop.drain()
  await Promise.all([sent, drained])
  await put()
  assert.deepEqual(handler.batches, [])
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a'])
  assert.deepEqual([counters.received, counters.handedBack, counters.dead], [1, 1, 0])
})

test('handlers that give up when told to are handed back without an attempt', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, counters } = consuming({ handle: handler.handle, retry: { attempts: 1 } })
  await put('a', 'b')
  await loop.start()
  await settle()
  const drained = loop.drain()
  await settle()
  assert.equal(handler.calls[0]?.signal.aborted, false)
  loop.abortHandlers()
  assert.equal(handler.calls[0]?.signal.aborted, true)
  await handler.end(0, () => {
    throw new Error('gave up')
  })
  await drained
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a', 'b'])
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), [])
  assert.deepEqual([counters.handedBack, counters.dead, inFlight(counters)], [2, 0, 0])
})

test('when told to give up, each delivery that fails is handed back, and what was done or dropped stays so', async () => {
  let told: () => void = () => {}
  const { loop, put, broker, counters } = consuming({
    handle: each(async ({ bytes }, { signal }) => {
      if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      told()
      if (String(bytes) === 'a') throw new Error('gave up')
    }),
  })
  const everyone = new Promise<void>((resolve) => {
    told = resolve
  })
  await put('a', 'b')
  await loop.start()
  await settle()
  const drained = loop.drain()
  loop.abortHandlers()
  await everyone
  await drained
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a'])
  assert.deepEqual([counters.acked, counters.handedBack, counters.retried], [1, 1, 0])

  const second = new HeldHandler()
  const other = consuming({ handle: second.handle })
  await other.put('c', 'd')
  await other.loop.start()
  await settle()
  const otherDrained = other.loop.drain()
  other.loop.abortHandlers()
  await second.end(0, ([c, d]) => (c && d ? [drop(c, 'useless'), retry(d, 'later')] : []))
  await otherDrained
  assert.deepEqual(bodiesIn(other.broker, 'logs.dead'), ['c'])
  assert.deepEqual(bodiesIn(other.broker, 'logs'), ['d'])
})

test('a drain waits for the confirms of moves', async () => {
  const { loop, put, broker, counters } = consuming({ handle: (batch) => batch.map((one) => retry(one, 'no')) })
  await put('a')
  broker.holdConfirms()
  await loop.start()
  await settle()
  const drained = loop.drain()
  assert.equal(await isPending(drained), true)
  broker.releaseConfirms()
  await drained
  assert.deepEqual([counters.retried, inFlight(counters)], [1, 0])
})

test('a drain does not wait for the moves of a session that is gone: they come again', async () => {
  const { loop, put, broker, counters } = consuming({ handle: (batch) => batch.map((one) => retry(one, 'no')) })
  await put('a')
  broker.holdConfirms()
  await loop.start()
  await settle()
  const drained = loop.drain()
  broker.stop()
  await drained
  assert.deepEqual([counters.lost, inFlight(counters)], [1, 0])
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a'])
})

test('a confirm that came for a lost session does not make a drain forget a move of the present one', async () => {
  const { loop, put, broker, clock, counters } = consuming({ handle: (batch) => batch.map((one) => retry(one, 'no')) })
  await put('a')
  broker.holdConfirms()
  await loop.start()
  await settle()
  broker.stop()
  broker.start()
  await clock.tick(100)
  // The first move goes out again, and so does one of the delivery that came again.
  broker.releaseConfirms(2)
  await settle()
  const drained = loop.drain()
  assert.equal(await isPending(drained), true)
  broker.releaseConfirms()
  await drained
  assert.deepEqual([counters.lost, counters.retried, inFlight(counters)], [1, 1, 0])
})

test('a drain works while there is no session, and after one was lost', async () => {
  const { loop, broker, put, counters } = consuming({})
  broker.stop()
  await loop.start()
  await settle()
  await loop.drain()
  const handler = new HeldHandler()
  const other = consuming({ handle: handler.handle })
  await other.loop.start()
  await other.put('a')
  other.broker.stop()
  const drained = other.loop.drain()
  assert.equal(await isPending(drained), true)
  await handler.end(0)
  await drained
  assert.deepEqual([other.counters.acked, other.counters.lost, inFlight(other.counters)], [0, 1, 0])
  await put('later')
  assert.equal(counters.received, 0)
})
