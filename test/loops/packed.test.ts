import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drop, each, retry, text } from '#runtime'
import { header } from '../../runtime/core/headers.ts'
import { linesOf, pack, unpack } from '../../runtime/core/pack.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import type { OutgoingMessage } from '../../runtime/ports.ts'
import { consuming } from './consuming.ts'
import { producing } from './producing.ts'

const linesOfMessage = ({ messageId, body, headers = {} }: OutgoingMessage): string[] => {
  const count = linesOf(headers)
  const shown = (id: string, line: Uint8Array) => `${id.split(':').at(-1)} ${Buffer.from(line)}`
  const lines = count === null ? [shown(messageId, body)] : unpack(messageId, body, count, shown)
  if (typeof lines === 'string') assert.fail(lines)
  return [...lines]
}

/** A message of these lines, as a producer packs them. */
const packOf = (...lines: string[]): Partial<OutgoingMessage> => ({
  messageId: 'f:0',
  body: pack(lines.map((line, offset) => ({ body: Buffer.from(line), offset }))),
  headers: { [header.lines]: lines.length },
})

const packing = { KEDAFN_LINES_PER_MESSAGE: '4' }

test('what one read brings is packed, up to so many lines in a message, and each line keeps its id', async () => {
  const { start, broker, store } = producing('a\nb\nc\nd\ne\nf\n', {}, packing)
  const { done, counters } = await start()
  await done
  const messages = broker.ready('logs')
  assert.deepEqual(messages.map(linesOfMessage), [
    ['0 a', '2 b', '4 c', '6 d'],
    ['8 e', '10 f'],
  ])
  assert.deepEqual(
    messages.map(({ messageId }) => messageId),
    ['memory-1:0', 'memory-1:8'],
  )
  assert.deepEqual([counters.sent, counters.confirmed], [6, 6])
  assert.equal(store.saved.at(-1)?.offset, 12)
})

test('a lone line leaves at once, as a message like any other', async () => {
  const { start, broker, file, clock } = producing('', {}, packing, false)
  const { loop, done } = await start()
  for (const line of ['one\n', 'two\n']) {
    file.append(line)
    await clock.tick(0)
  }
  assert.deepEqual(
    broker.ready('logs').map(({ body, headers = {} }) => [`${Buffer.from(body)}`, headers[header.lines]]),
    [
      ['one', undefined],
      ['two', undefined],
    ],
  )
  loop.drain()
  await done
})

test('a line with headers of its own, one too big to pack and a dead one leave alone, and in their places', async () => {
  const big = 'x'.repeat(20_000)
  const content = `a\nb\nheaded\nc\nfails\nd\n${big}\ne\nf\n`
  const { start, broker, store } = producing(
    content,
    {
      encode: text,
      map: ({ text: line }) => {
        if (line === 'fails') throw new Error('it fails')
        return line === 'headed' ? { body: line, headers: { of: 'its own' } } : { body: line }
      },
    },
    packing,
  )
  await (await start()).done
  const sizes = broker.ready('logs').map((message) => linesOfMessage(message).map((line) => line.slice(0, 12)))
  assert.deepEqual(sizes, [['0 a', '2 b'], ['4 headed'], ['11 c'], ['19 d'], ['21 xxxxxxxxx'], ['20022 e', '20024 f']])
  assert.equal(broker.ready('logs')[1]?.headers?.of, 'its own')
  assert.equal(broker.ready('logs.dead').length, 1)
  assert.equal(store.saved.at(-1)?.offset, content.length)
})

test('no checkpoint passes a packed line before its confirm, skipped lines behind it included', async () => {
  const map = ({ bytes, text: line }: { bytes: Uint8Array; text: string }) => (line === '#' ? null : { body: bytes })
  const { start, broker, store, clock } = producing('a\nb\n#\nc\n#\n', { map }, packing, false)
  broker.holdConfirms()
  const { loop, done, counters } = await start()
  await clock.tick(1000)
  assert.deepEqual(store.saved, [])
  assert.deepEqual([counters.sent, counters.skipped], [3, 2])
  broker.releaseConfirms()
  await clock.tick(1000)
  assert.equal((store.saved.at(-1) as { offset: number } | undefined)?.offset, 10)
  loop.drain()
  await done
})

test('no more is beyond the checkpoint than the window and what a checkpoint may lag, in messages full of lines', async () => {
  const content = Array.from({ length: 400 }, (_, index) => `${index}\n`).join('')
  const env = { ...packing, KEDAFN_WINDOW: '3', KEDAFN_CHECKPOINT_LINES: '2' }
  const { start, broker } = producing(content, {}, env)
  broker.holdConfirms()
  const { loop, done, counters } = await start()
  await settle()
  assert.ok(counters.sent >= 3 * 1 && counters.sent <= 3 * 4, `${counters.sent} lines are on their way`)
  loop.drain()
  broker.releaseConfirms()
  await done
})

test('lines sent again after a crash say so, and the pack that holds them', async () => {
  const { start, broker, store } = producing('a\nb\nc\n', {}, packing)
  const before = await store.load()
  await (await start()).done
  assert.equal(before, null)
  for (const { headers = {} } of broker.ready('logs')) assert.equal(headers[header.mayRepeat], true)
})

test('each line of a pack is a delivery, and the message is acked when the last of them is done', async () => {
  const seen: [string, string, number][] = []
  let finish = () => {}
  const { loop, send, broker, counters } = consuming({
    decode: text,
    batch: { size: 2 },
    handle: async (batch) => {
      for (const { id, body, attempt } of batch) seen.push([id, `${body}`, attempt])
      if (seen.length === 4) {
        await new Promise<void>((resolve) => {
          finish = resolve
        })
      }
    },
  })
  await send(packOf('a', 'b', 'c', 'd'))
  await loop.start()
  await settle()
  assert.deepEqual(seen, [
    ['f:0', 'a', 1],
    ['f:1', 'b', 1],
    ['f:2', 'c', 1],
    ['f:3', 'd', 1],
  ])
  assert.deepEqual([counters.acked, broker.unacked('logs')], [2, 1])
  finish()
  await settle()
  assert.deepEqual([counters.acked, counters.received, broker.unacked('logs')], [4, 4, 0])
  await loop.drain()
})

test('verdicts are of lines: one is tried again and one is dropped by itself, and the message is acked after both moves', async () => {
  const { loop, send, broker, counters } = consuming({
    decode: text,
    handle: (batch) => {
      const [, second, third] = batch
      return batch.length < 3 || !second || !third ? [] : [retry(second, 'again'), drop(third, 'never')]
    },
    retry: { firstDelayMs: 1000 },
  })
  broker.holdConfirms()
  await send(packOf('a', 'b', 'c'))
  await loop.start()
  await settle()
  assert.equal(broker.unacked('logs'), 1)
  broker.releaseConfirms()
  await settle()
  assert.equal(broker.unacked('logs'), 0)
  const [retried] = broker.ready('logs.retry.1000')
  const [dead] = broker.ready('logs.dead')
  assert.deepEqual([retried?.messageId, `${Buffer.from(retried?.body ?? [])}`], ['f:1', 'b'])
  assert.deepEqual([dead?.messageId, `${Buffer.from(dead?.body ?? [])}`], ['f:2', 'c'])
  assert.equal(retried?.headers?.[header.lines], undefined)
  assert.deepEqual([counters.acked, counters.retried, counters.dead], [1, 1, 1])
  await loop.drain()
})

test('what says that it is a pack and is none goes to dead letters with its bytes', async () => {
  const { loop, send, broker } = consuming({})
  await send({ ...packOf('a', 'b'), messageId: 'of nobody' })
  await loop.start()
  await settle()
  const [dead] = broker.ready('logs.dead')
  assert.equal(dead?.headers?.[header.code], 'FN_DECODE_FAILED')
  assert.match(`${dead?.headers?.[header.cause]}`, /its id 'of nobody' is not that of a line/)
  assert.deepEqual(dead?.body, packOf('a', 'b').body)
  await loop.drain()
})

test('a drain gives back what has not begun: whole messages as they are, the rest of one as messages of their own', async () => {
  const endings: (() => void)[] = []
  const begun: string[] = []
  const { loop, send, broker, clock, counters } = consuming({
    decode: text,
    concurrency: 2,
    handle: each(({ body }) => {
      begun.push(`${body}`)
      return new Promise<void>((resolve) => endings.push(resolve))
    }),
  })
  await send(packOf('a', 'b', 'c', 'd'))
  await send({ ...packOf('e', 'f'), messageId: 'f:10' })
  await loop.start()
  await settle()
  assert.deepEqual(begun, ['a', 'b'])
  const drained = loop.drain()
  await clock.tick(30)
  await settle()
  assert.deepEqual(broker.ready('logs').map(linesOfMessage).toSorted(), [['10 e', '11 f'], ['2 c'], ['3 d']])
  for (const end of endings) end()
  await drained
  assert.deepEqual(begun, ['a', 'b'])
  assert.deepEqual(broker.ready('logs').map(linesOfMessage).toSorted(), [['10 e', '11 f'], ['2 c'], ['3 d']])
  assert.deepEqual([counters.acked, counters.handedBack, counters.received], [2, 4, 6])
  assert.equal(broker.unacked('logs'), 0)
})

test('a pack that comes again for what its process died of is taken apart: each line is marked and handled alone', async () => {
  const { loop, send, broker, counters } = consuming({ decode: text, handle: () => {} })
  const { headers, ...rest } = packOf('a', 'b')
  await send({ ...rest, headers: { ...headers, 'x-delivery-count': 5 } })
  await loop.start()
  await settle()
  await settle()
  assert.equal(counters.retried, 2)
  assert.equal(counters.acked, 2)
  assert.equal(broker.unacked('logs'), 0)
  await loop.drain()
})

test('in an ordered queue the lines of packs are handled in order, and a line that fails waits in its place', async () => {
  const seen: string[] = []
  const { loop, send, clock } = consuming({
    decode: text,
    order: 'queue',
    batch: { size: 2 },
    retry: { firstDelayMs: 100 },
    handle: (batch) => {
      const failing = batch.filter(({ body, attempt }) => body === 'b' && attempt === 1)
      seen.push(...batch.filter((one) => !failing.includes(one)).map(({ body }) => `${body}`))
      return failing.map((one) => retry(one, 'once'))
    },
  })
  await send(packOf('a', 'b', 'c'))
  await send({ ...packOf('d', 'e'), messageId: 'f:10' })
  await loop.start()
  await clock.tick(200)
  assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e'])
  await loop.drain()
})

test('a copy of a pack whose lines are done, or some of them, costs no handler for those', async () => {
  const seen: string[] = []
  const { loop, send, counters } = consuming({
    decode: text,
    handle: (batch) => void seen.push(...batch.map(({ id }) => id)),
  })
  await loop.start()
  await send(packOf('a', 'b'))
  const again = packOf('a', 'b', 'c')
  await send({ ...again, headers: { ...again.headers, [header.mayRepeat]: true } })
  await settle()
  assert.deepEqual(seen, ['f:0', 'f:1', 'f:2'])
  assert.deepEqual([counters.repeated, counters.acked], [2, 3])
  await loop.drain()
})

test('a line that failed among those of its message is not taken for done when a copy comes', async () => {
  const seen: string[] = []
  const { loop, send, counters } = consuming({
    decode: text,
    handle: (batch) => {
      seen.push(...batch.map(({ body }) => `${body}`))
      return batch.filter(({ body }) => body === 'b').map((one) => retry(one, 'not now'))
    },
  })
  await loop.start()
  // Of two messages, in one batch: what is done of the first stands beside the second.
  await Promise.all([send(packOf('a', 'b', 'c')), send({ ...packOf('d', 'e', 'f'), messageId: 'f:10' })])
  const again = packOf('a', 'b', 'c')
  await send({ ...again, headers: { ...again.headers, [header.mayRepeat]: true } })
  await settle()
  assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e', 'f', 'b'])
  assert.equal(counters.repeated, 2)
  await loop.drain()
})
