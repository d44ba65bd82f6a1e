import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FnError } from '../../runtime/core/errors.ts'
import { retry } from '../../runtime/core/verdict.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import { bodiesIn, consuming, HeldHandler, isPending } from './consuming.ts'

test('setup runs before the first delivery, and what it opened is closed when the drain ends', async () => {
  const steps: string[] = []
  const handler = new HeldHandler()
  const { loop, put, broker } = consuming({
    setup: async ({ env }) => {
      steps.push(`setup ${JSON.stringify(env)}`)
      await settle()
      return { close: async () => steps.push(`closed with ${broker.unacked('logs')} unacked`) }
    },
    handle: (batch, ctx, resource) => {
      steps.push(`handle ${typeof resource}`)
      return handler.handle(batch, ctx, resource)
    },
  })
  await put('a')
  await loop.start()
  await settle()
  const drained = loop.drain()
  await handler.end(0)
  await drained
  assert.deepEqual(steps, ['setup {}', 'handle object', 'closed with 0 unacked'])
})

test('a drain during setup waits for it, closes what it opened and consumes nothing', async () => {
  const opened = Promise.withResolvers<void>()
  let closed = 0
  const { loop, put, broker, counters } = consuming({
    setup: async () => {
      await opened.promise
      return { [Symbol.asyncDispose]: async () => closed++ }
    },
  })
  await put('a')
  const started = loop.start()
  const drained = loop.drain()
  assert.equal(await isPending(drained), true)
  opened.resolve()
  await Promise.all([started, drained])
  assert.equal(closed, 1)
  assert.equal(counters.received, 0)
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a'])
})

test('a setup that fails is an error with a code, and one that gives up when told to is none', async () => {
  const setup = async (ctx: { signal: AbortSignal }) => {
    await settle()
    throw ctx.signal.aborted ? ctx.signal.reason : new Error('no such folder')
  }
  const failing = consuming({ setup })
  await assert.rejects(failing.loop.start(), (error: FnError) => {
    assert.equal(error.code, 'FN_SETUP_FAILED')
    assert.match(error.message, /no such folder/)
    return true
  })
  const told = consuming({ setup })
  const started = told.loop.start()
  const drained = told.loop.drain()
  told.loop.abortHandlers()
  await Promise.all([started, drained])
})

test('a close that fails fails the drain', async () => {
  const { loop } = consuming({ setup: () => ({ close: () => Promise.reject(new Error('disk full')) }) })
  await loop.start()
  await assert.rejects(loop.drain(), /disk full/)
})

test('an error only a person can mend that the moves meet fails the loop', async () => {
  const { loop, broker, put } = consuming({ handle: (batch) => batch.map((one) => retry(one, 'no')) })
  await loop.start()
  await settle()
  broker.queues.delete('logs.retry.1000')
  broker.declare([{ kind: 'queue', name: 'logs.retry.1000', arguments: { 'x-queue-type': 'classic' } }])
  await put('a')
  await assert.rejects(loop.failed, (error: FnError) => error.code === 'FN_TOPOLOGY_MISMATCH')
})

test('an error only a person can mend that the consumer meets fails the loop', async () => {
  const { loop, broker } = consuming({})
  await loop.start()
  await settle()
  broker.fail(new FnError('FN_PERMISSION_REFUSED', 'read'))
  await assert.rejects(loop.failed, (error: FnError) => error.code === 'FN_PERMISSION_REFUSED')
})
