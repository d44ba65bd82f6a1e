import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json } from '../../runtime/core/codecs.ts'
import { DropError } from '../../runtime/core/errors.ts'
import { drop, retry } from '../../runtime/core/verdict.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import { bodiesIn, consuming, HeldHandler, inFlight } from './consuming.ts'

const retry1s = 'logs.retry.1000'

test('what the handler names is retried or dropped, the rest is acked', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, counters } = consuming({ handle: handler.handle })
  await put('a', 'b', 'c')
  await loop.start()
  await settle()
  await handler.end(0, ([a, , c]) => (a && c ? [drop(c, 'no good'), retry(a, new Error('not now'))] : []))
  assert.deepEqual(bodiesIn(broker, retry1s), ['a'])
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), ['c'])
  assert.equal(broker.unacked('logs'), 0)
  assert.deepEqual({ ...counters, received: 0 }, { ...counters, received: 0, acked: 1, retried: 1, dead: 1 })
  assert.equal(inFlight(counters), 0)
  const [again] = broker.ready(retry1s)
  assert.equal(again?.messageId, 'm1')
  assert.equal(again?.headers?.['kedafn-code'], 'FN_HANDLER_FAILED')
  assert.equal(again?.headers?.['kedafn-cause'], 'not now')
  assert.equal(again?.headers?.['kedafn-failed-attempts'], 1)
  assert.equal(broker.ready('logs.dead')[0]?.headers?.['kedafn-code'], 'FN_DROPPED')
})

const failures = {
  'an error': { thrown: new Error('boom'), queue: retry1s, code: 'FN_HANDLER_FAILED' },
  'a string': { thrown: 'boom', queue: retry1s, code: 'FN_HANDLER_FAILED' },
  'a DropError': { thrown: new DropError('useless'), queue: 'logs.dead', code: 'FN_DROPPED' },
}
for (const [what, { thrown, queue, code }] of Object.entries(failures)) {
  test(`a batch whose handler throws ${what} goes to ${queue} as a whole`, async () => {
    const { loop, put, broker } = consuming({
      handle() {
        throw thrown
      },
    })
    await put('a', 'b')
    await loop.start()
    await settle()
    assert.deepEqual(bodiesIn(broker, queue), ['a', 'b'])
    assert.ok(broker.ready(queue).every(({ headers }) => headers?.['kedafn-code'] === code))
    assert.equal(broker.unacked('logs'), 0)
  })
}

for (const returned of ['done', null, [1], [{}], [undefined], Promise.resolve(false)]) {
  test(`a handler that returns ${JSON.stringify(returned)} has said nothing: the batch is retried`, async () => {
    const { loop, put, broker } = consuming({ handle: () => returned as never })
    await put('a', 'b')
    await loop.start()
    await settle()
    assert.deepEqual(bodiesIn(broker, retry1s), ['a', 'b'])
    assert.equal(broker.ready(retry1s)[0]?.headers?.['kedafn-code'], 'FN_OUTCOME_INVALID')
  })
}

test('each failure counts an attempt and doubles the delay, until the last one is final', async () => {
  const attempts: [number, number][] = []
  const { loop, put, broker, clock, counters } = consuming({
    retry: { attempts: 4, firstDelayMs: 100, maxDelayMs: 250 },
    handle: ([delivery]) => {
      attempts.push([delivery?.attempt ?? 0, clock.now()])
      throw new Error(`failure ${delivery?.attempt}`)
    },
  })
  await loop.start()
  const begun = clock.now()
  await put('a')
  await clock.tick(10_000)
  assert.deepEqual(
    attempts.map(([attempt, at]) => [attempt, at - begun]),
    [
      [1, 0],
      [2, 100],
      [3, 300],
      [4, 550],
    ],
  )
  const [dead] = broker.ready('logs.dead')
  assert.equal(dead?.messageId, 'm1')
  const { 'kedafn-first-failure': first, 'kedafn-last-failure': last, ...headers } = dead?.headers ?? {}
  assert.deepEqual(headers, {
    'kedafn-failed-attempts': 4,
    'kedafn-origin': 'logs',
    'kedafn-code': 'FN_ATTEMPTS_EXHAUSTED',
    'kedafn-cause': 'failure 4',
  })
  assert.equal(first, new Date(begun).toISOString())
  assert.equal(last, new Date(begun + 550).toISOString())
  assert.deepEqual([counters.retried, counters.dead, counters.acked], [3, 1, 0])
})

test('with one attempt the first failure is final', async () => {
  const { loop, put, broker } = consuming({
    retry: { attempts: 1 },
    handle: (batch) => batch.map((delivery) => retry(delivery, 'no')),
  })
  await put('a')
  await loop.start()
  await settle()
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), ['a'])
})

test('what cannot be decoded goes to dead letters with its bytes, and the rest to the handler', async () => {
  const handler = new HeldHandler()
  const { loop, put, broker, counters } = consuming({ decode: json, handle: handler.handle })
  await put('{"a":1}', '{oops', '[2]')
  await loop.start()
  await settle()
  assert.deepEqual(
    handler.calls[0]?.batch.map(({ body }) => body),
    [{ a: 1 }, [2]],
  )
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), ['{oops'])
  assert.equal(broker.ready('logs.dead')[0]?.headers?.['kedafn-code'], 'FN_DECODE_FAILED')
  await handler.end(0)
  assert.deepEqual([counters.received, counters.acked, counters.dead], [3, 2, 1])
  assert.equal(broker.unacked('logs'), 0)
})

test('a move is published and confirmed before its delivery is acked', async () => {
  const { loop, put, broker, counters } = consuming({
    handle: (batch) => batch.map((delivery, index) => (index === 0 ? retry(delivery, 'no') : drop(delivery, 'no'))),
  })
  await put('a', 'b')
  broker.holdConfirms()
  await loop.start()
  await settle()
  assert.deepEqual([bodiesIn(broker, retry1s), bodiesIn(broker, 'logs.dead')], [['a'], ['b']])
  assert.equal(broker.unacked('logs'), 2)
  assert.deepEqual([counters.retried, counters.dead, inFlight(counters)], [0, 0, 2])
  broker.releaseConfirms(1)
  await settle()
  assert.equal(broker.unacked('logs'), 1)
  broker.releaseConfirms()
  await settle()
  assert.equal(broker.unacked('logs'), 0)
  assert.deepEqual([counters.retried, counters.dead, inFlight(counters)], [1, 1, 0])
})

test('a move that the broker refuses is published again until it is taken', async () => {
  const { loop, put, broker, clock } = consuming({ handle: (batch) => batch.map((delivery) => drop(delivery, 'no')) })
  await put('a')
  broker.refusing = true
  await loop.start()
  await clock.tick(1000)
  assert.equal(broker.unacked('logs'), 1)
  broker.refusing = false
  await clock.tick(1000)
  assert.deepEqual(bodiesIn(broker, 'logs.dead'), ['a'])
  assert.equal(broker.unacked('logs'), 0)
})

test('a retry queue that went missing is made again', async () => {
  const { loop, put, broker, clock } = consuming({
    handle: (batch) => batch.map((delivery) => retry(delivery, 'no')),
  })
  await loop.start()
  await put('first')
  broker.queues.delete(retry1s)
  await put('second')
  await clock.tick(100)
  assert.deepEqual(bodiesIn(broker, retry1s), ['second'])
  assert.equal(broker.unacked('logs'), 0)
})

test('a moved message keeps its own headers and loses those of the broker', async () => {
  const { loop, send, broker, clock } = consuming({
    retry: { attempts: 3, firstDelayMs: 100 },
    handle() {
      throw new Error('no')
    },
  })
  await loop.start()
  const forged = {
    'x-death': [],
    'x-delivery-count': 3,
    'x-acquired-count': 2,
    'x-first-death-queue': 'q',
    CC: ['other'],
  }
  const timestamp = clock.now()
  await send({ headers: { ...forged, level: 'warn', 'x-trace': 't' }, contentType: 'text/x', timestamp, messageId: '' })
  await clock.tick(100)
  const [again] = broker.ready('logs.retry.200')
  const names = Object.keys(again?.headers ?? {}).filter((name) => !name.startsWith('kedafn-'))
  assert.deepEqual(names.sort(), ['level', 'x-trace'])
  assert.equal(again?.contentType, 'text/x')
  assert.equal(again?.timestamp, timestamp)
  assert.equal(again?.messageId, '')
})

test('a batch that fails is one line in the log, naming the cause and the first ids', async () => {
  const { loop, put, entries } = consuming({
    handle() {
      throw new Error('no space left')
    },
  })
  await put(...Array.from('abcdefghijkl'))
  await loop.start()
  await settle()
  const warnings = entries.filter(({ level }) => level === 'warn')
  assert.equal(warnings.length, 1)
  const { cause, deliveries, ids, code, attempt, delayMs } = warnings[0]?.fields ?? {}
  assert.deepEqual([cause, deliveries, code, attempt, delayMs], ['no space left', 12, 'FN_HANDLER_FAILED', 1, 1000])
  assert.equal((ids as string[]).length, 10)
})
