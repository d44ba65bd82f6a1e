import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../../runtime/doubles/clock.ts'
import { consuming, HeldHandler } from './consuming.ts'

async function isComplete(loop: { readonly complete: Promise<void> }): Promise<boolean> {
  let complete = false
  void loop.complete.then(() => {
    complete = true
  })
  await settle()
  return complete
}

test('a consumer of one delivery takes no second one, and is complete when the first is settled', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker } = consuming(
    { handle: handler.handle, batch: { size: 1 } },
    { KEDAFN_MAX_DELIVERIES: '1' },
  )
  await put('a', 'b')
  await loop.start()
  await settle()
  assert.deepEqual(handler.batches, [['a']])
  assert.equal(broker.unacked('logs'), 1)
  assert.equal(await isComplete(loop), false)
  await handler.end(0)
  assert.equal(await isComplete(loop), true)
  await loop.drain()
  assert.deepEqual(handler.batches, [['a']])
  assert.equal(broker.unacked('logs'), 0)
  assert.equal(broker.ready('logs').length, 1)
})

test('what comes beyond the number goes back untouched', async () => {
  const handler = new HeldHandler()
  const { loop, put } = consuming({ handle: handler.handle, batch: { size: 2 } }, { KEDAFN_MAX_DELIVERIES: '3' })
  await put('a', 'b', 'c', 'd', 'e')
  await loop.start()
  await settle()
  await handler.end(0)
  await handler.end(1)
  assert.deepEqual(handler.batches, [['a', 'b'], ['c']])
  assert.equal(await isComplete(loop), true)
})

test('it is complete as well when nothing has come for the idle time, and not while a handler runs', async () => {
  const handler = new HeldHandler()
  const env = { KEDAFN_MAX_DELIVERIES: '2', KEDAFN_IDLE_MS: '1000' }
  const { loop, put, clock } = consuming({ handle: handler.handle, batch: { size: 1 } }, env)
  await loop.start()
  await clock.tick(900)
  await put('a')
  await clock.tick(5000)
  assert.equal(await isComplete(loop), false)
  await handler.end(0)
  await clock.tick(999)
  assert.equal(await isComplete(loop), false)
  await clock.tick(1)
  assert.equal(await isComplete(loop), true)
})

test('a failed delivery counts once it has been moved', async () => {
  const throwing = () => {
    throw new Error('no')
  }
  const { loop, put, counters } = consuming(
    { handle: throwing, retry: { attempts: 1 } },
    { KEDAFN_MAX_DELIVERIES: '1' },
  )
  await put('a')
  await loop.start()
  await settle()
  assert.equal(await isComplete(loop), true)
  assert.equal(counters.dead, 1)
})

test('without a number it is never complete', async () => {
  const { loop, clock } = consuming({})
  await loop.start()
  await clock.tick(100_000)
  assert.equal(await isComplete(loop), false)
})
