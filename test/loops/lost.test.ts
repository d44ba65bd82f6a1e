import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../runtime/core/spec.ts'
import { drop, retry } from '../../runtime/core/verdict.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import { seeded } from '../unit/seeded.ts'
import { bodiesIn, consuming, HeldHandler, inFlight, text } from './consuming.ts'

test('a source lost while the handler runs: what it was done with is acked when it comes again, and not handled', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, clock, counters } = consuming({ handle: handler.handle, batch: { size: 2 } })
  await put('a', 'b', 'c')
  await loop.start()
  await settle()
  broker.cut()
  await clock.tick(100)
  assert.deepEqual(handler.batches, [['a', 'b']], 'one handler at a time, lost source or not')
  assert.equal(counters.lost, 3)
  await handler.end(0)
  assert.equal(counters.acked, 0)
  assert.equal(counters.repeated, 2)
  assert.deepEqual(handler.batches[1], ['c'])
  assert.equal(handler.calls[1]?.batch[0]?.redelivered, true)
  assert.equal(handler.calls[1]?.batch[0]?.attempt, 1)
  await handler.end(1)
  assert.deepEqual([counters.received, counters.acked, counters.lost, counters.redelivered], [6, 1, 3, 3])
  assert.equal(broker.unacked('logs'), 0)
})

test('a source lost while the handler fails: its messages come again and are handled', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, clock, counters } = consuming({ handle: handler.handle, batch: { size: 2 } })
  await put('a', 'b')
  await loop.start()
  await settle()
  broker.cut()
  await clock.tick(100)
  await handler.end(0, (batch) => batch.map((one) => retry(one, 'not now')))
  assert.deepEqual(handler.batches[1], ['a', 'b'])
  assert.equal(handler.calls[1]?.batch[0]?.attempt, 1)
  await handler.end(1)
  assert.deepEqual([counters.acked, counters.repeated, counters.lost], [2, 0, 2])
})

test('a copy that comes while the first one is in the handler waits for how that ends', async () => {
  const handler = new HeldHandler()
  const { loop, send, counters } = consuming({ handle: handler.handle, batch: { size: 10 }, concurrency: 2 })
  await loop.start()
  const again = { headers: { 'kedafn-may-repeat': true } }
  await send({ messageId: 'a', body: Buffer.from('a') })
  await send({ messageId: 'a', body: Buffer.from('a'), ...again })
  await send({ messageId: 'b', body: Buffer.from('b'), ...again })
  await settle()
  assert.deepEqual(handler.batches, [['a'], ['b']])
  await handler.end(0, (batch) => batch.map((one) => retry(one, 'not now')))
  assert.deepEqual(handler.batches[2], ['a'], 'the first one failed, so the copy is handled')
  await handler.end(2)
  await handler.end(1)
  await send({ messageId: 'b', body: Buffer.from('b'), ...again })
  await settle()
  assert.deepEqual([counters.acked, counters.repeated, counters.retried], [2, 1, 1])
})

test('a copy in the same batch is not handled beside the first one', async () => {
  const { loop, put, send, broker, counters } = consuming({ handle: () => {}, batch: { size: 10 } })
  await put('x')
  for (let n = 0; n < 3; n++) await send({ messageId: 'same', headers: { 'kedafn-may-repeat': true } })
  await loop.start()
  await settle()
  assert.deepEqual([counters.received, counters.acked, counters.repeated], [4, 2, 2])
  assert.equal(broker.unacked('logs'), 0)
})

test('a message that somebody sends once more on purpose is handled once more', async () => {
  const { loop, send, counters } = consuming({ handle: () => {} })
  await loop.start()
  for (let n = 0; n < 2; n++) await send({ messageId: 'same' })
  await settle()
  assert.deepEqual([counters.acked, counters.repeated], [2, 0])
  await send({ messageId: 'same', headers: { 'kedafn-may-repeat': true } })
  await settle()
  assert.deepEqual([counters.acked, counters.repeated], [2, 1])
  for (let n = 0; n < 2; n++) await send({ messageId: '', headers: { 'kedafn-may-repeat': true } })
  await settle()
  assert.deepEqual([counters.acked, counters.repeated], [4, 1])
})

test('a replay of what is done is handled, also when its first delivery was lost', async () => {
  const handler = new HeldHandler()
  const { loop, send, broker, clock, counters } = consuming({ handle: handler.handle })
  await loop.start()
  await send({ messageId: 'same' })
  await settle()
  await handler.end(0)
  await send({ messageId: 'same', headers: { 'kedafn-replay': 'logs.history@0 2026-01-01T00:00:00.000Z' } })
  await settle()
  broker.cut()
  await clock.tick(100)
  await handler.end(1)
  assert.equal(handler.batches.length, 3, 'it comes again, and is no repeat of the first message')
  await handler.end(2)
  assert.deepEqual([counters.acked, counters.repeated], [2, 0])
})

test('a failure on a lost source moves nothing: the delivery that comes again decides', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, counters } = consuming({ handle: handler.handle })
  await put('a')
  await loop.start()
  await settle()
  broker.cut()
  await settle()
  await handler.end(0, (batch) => batch.map((one) => drop(one, 'no')))
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), [])
  assert.equal(counters.dead, 0)
})

test('a move whose confirm comes after its source was lost is not counted, and acks nothing', async () => {
  const { loop, put, broker, clock, counters } = consuming({
    handle: (batch) => batch.filter(({ redelivered }) => !redelivered).map((one) => retry(one, 'no')),
  })
  await put('a')
  broker.holdConfirms()
  await loop.start()
  await settle()
  broker.cut()
  await clock.tick(100)
  broker.releaseConfirms()
  await settle()
  assert.deepEqual([counters.received, counters.retried, counters.lost, counters.acked], [2, 0, 1, 1])
  assert.equal(broker.unacked('logs'), 0)
})

/** One random life: faults, verdicts and restarts, then a drain. Nothing is lost and the counters add up. */
async function live(seed: number): Promise<void> {
  const next = seeded(seed)
  const pick = <T>(...options: T[]): T => options[next(options.length)] as T
  const done = new Set<string>()
  const { loop, broker, clock, counters, put } = consuming({
    batch: { size: 1 + next(4) },
    concurrency: 1 + next(3),
    retry: { attempts: 1 + next(3), firstDelayMs: 50, maxDelayMs: 100 },
    async handle(batch) {
      for (let turn = next(4); turn > 0; turn--) await settle()
      if (next(8) === 0) throw new Error('whole batch')
      return batch.flatMap((delivery): Outcome[] => {
        const outcome = pick('ack', 'ack', 'ack', 'retry', 'drop')
        if (outcome === 'retry') return [retry(delivery, 'no')]
        if (outcome === 'drop') return [drop(delivery, 'no')]
        done.add(text(delivery.bytes))
        return []
      })
    },
  })
  const check = () => assert.ok(inFlight(counters) >= 0, `seed ${seed}: ${JSON.stringify(counters)}`)
  await loop.start()
  const sent: string[] = []
  for (let step = 0; step < 12; step++) {
    const more = Array.from({ length: next(5) }, (_, index) => `${step}-${index}`)
    sent.push(...more)
    await put(...more)
    pick(
      () => broker.cut(),
      () => broker.holdConfirms(),
      () => broker.releaseConfirms(),
      () => broker.releaseConfirms(1 + next(2)),
      () => {
        broker.refusing = !broker.refusing
      },
      () => {},
    )()
    check()
    await clock.tick(pick(0, 20, 60, 150))
    check()
  }
  broker.refusing = false
  broker.releaseConfirms()
  const drained = loop.drain()
  await clock.tick(500)
  await drained
  assert.equal(inFlight(counters), 0, `seed ${seed}: ${JSON.stringify(counters)}`)
  assert.equal(broker.sessions.size, 0)
  const kept = ['logs', 'logs.dead', 'logs.retry.50', 'logs.retry.100'].flatMap((queue) => bodiesIn(broker, queue))
  const missing = sent.filter((body) => !done.has(body) && !kept.includes(body))
  assert.deepEqual(missing, [], `seed ${seed}`)
}

test('through random faults nothing is lost, and received is the sum of all outcomes', async () => {
  for (let seed = 1; seed <= 60; seed++) await live(seed)
})
