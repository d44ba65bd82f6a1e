import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json, text as textCodec } from '../../runtime/core/codecs.ts'
import { FnError } from '../../runtime/core/errors.ts'
import { settle } from '../../runtime/doubles/clock.ts'
import type { OutgoingMessage } from '../../runtime/ports.ts'
import { bodiesIn, isPending } from './consuming.ts'
import { type AnySpec, numbered, producing } from './producing.ts'

test('each line is a message: its bytes, its place as id, in order, and counted', async () => {
  const { start, broker, clock, store } = producing(Buffer.from('one\n\ntwo\r\n\xff\0\nlast', 'latin1'))
  const { done, counters } = await start()
  await done
  assert.deepEqual(
    broker.ready('logs').map(({ body, messageId }) => [Buffer.from(body).toString('latin1'), messageId]),
    [
      ['one', 'memory-1:0'],
      ['', 'memory-1:4'],
      ['two\r', 'memory-1:5'],
      ['\xff\0', 'memory-1:10'],
      ['last', 'memory-1:13'],
    ],
  )
  const [first] = broker.ready('logs')
  assert.deepEqual([first?.contentType, first?.timestamp], ['application/octet-stream', clock.now()])
  assert.deepEqual([counters.sent, counters.confirmed, counters.skipped, counters.dead], [5, 5, 0, 0])
  assert.equal(store.saved.at(-1)?.offset, 17)
  assert.equal(broker.sessions.size, 0)
})

test('map makes body and headers, and the codec the content type', async () => {
  const map: AnySpec['map'] = ({ text, offset }) => ({
    body: { text },
    headers: { offset, text, yes: true },
  })
  const { start, broker } = producing('a\nb\n', { encode: json, map })
  await (await start()).done
  const [, second] = broker.ready('logs')
  assert.equal(Buffer.from(second?.body ?? []).toString(), '{"text":"b"}')
  assert.deepEqual(second?.headers, { offset: 2, text: 'b', yes: true, 'kedafn-may-repeat': true })
  assert.equal(second?.contentType, 'application/json')
})

test('a line that map skips is passed by the checkpoint, in flight or not', async () => {
  const map: AnySpec['map'] = ({ text, bytes }) => (text.startsWith('#') ? null : { body: bytes })
  const { start, broker, store, clock, file } = producing('#1\na\n#2\n#3\n', { map }, {}, false)
  broker.holdConfirms()
  const { loop, done, counters } = await start()
  await clock.tick(100)
  assert.equal(store.saved.at(-1)?.offset, 3, 'what is skipped first waits for nothing')
  await clock.tick(1000)
  assert.equal(store.saved.length, 1, 'what is skipped behind a line waits for that line')
  broker.releaseConfirms()
  await clock.tick(100)
  assert.equal(store.saved.at(-1)?.offset, 11)
  file.append('#4\n')
  await clock.tick(100)
  assert.equal(store.saved.at(-1)?.offset, 14)
  assert.deepEqual([counters.skipped, counters.sent], [4, 1])
  loop.drain()
  await done
})

test('a skipped line of the next file takes the checkpoint there', async () => {
  const map: AnySpec['map'] = ({ text, bytes }) => (text.startsWith('#') ? null : { body: bytes })
  const { start, broker, store, clock, file } = producing('a\n', { map }, {}, false)
  broker.holdConfirms()
  const { loop, done } = await start()
  file.rotate('#1\n')
  await clock.tick(100)
  broker.releaseConfirms()
  await clock.tick(100)
  assert.deepEqual([store.saved.at(-1)?.file, store.saved.at(-1)?.offset], ['memory-2', 3])
  loop.drain()
  await done
})

const tooLarge = new Uint8Array(16 * 1024 * 1024 + 1)
const bad: Record<string, { spec: Partial<AnySpec>; code: string; cause: RegExp }> = {
  'map throws': {
    spec: {
      map: () => {
        throw new Error('no number')
      },
    },
    code: 'FN_MAP_FAILED',
    cause: /no number/,
  },
  'map returns nothing': { spec: { map: () => undefined as never }, code: 'FN_MAP_FAILED', cause: /neither/ },
  'map is async': { spec: { map: (async () => ({ body: 1 })) as never }, code: 'FN_MAP_FAILED', cause: /neither/ },
  'encode throws': {
    spec: { encode: textCodec as never, map: () => ({ body: 7 }) },
    code: 'FN_MAP_FAILED',
    cause: /isWellFormed/,
  },
  'encode makes no bytes': { spec: { map: () => ({ body: 'text' }) }, code: 'FN_MAP_FAILED', cause: /string/ },
  'a header is an object': {
    spec: { map: ({ bytes }) => ({ body: bytes, headers: { a: {} as never } }) },
    code: 'FN_MAP_FAILED',
    cause: /'a' is object/,
  },
  'a header is not finite': {
    spec: { map: ({ bytes }) => ({ body: bytes, headers: { a: Number.NaN } }) },
    code: 'FN_MAP_FAILED',
    cause: /'a' is NaN, expected a finite number/,
  },
  "a header is the broker's": {
    spec: { map: ({ bytes }) => ({ body: bytes, headers: { CC: 'other' } }) },
    code: 'FN_MAP_FAILED',
    cause: /'CC'/,
  },
  "a header's name is too long": {
    spec: { map: ({ bytes }) => ({ body: bytes, headers: { ['ü'.repeat(128)]: 1 } }) },
    code: 'FN_MAP_FAILED',
    cause: /256 bytes, at most 255/,
  },
  'the headers are too large': {
    spec: { map: ({ bytes }) => ({ body: bytes, headers: { a: 'x'.repeat(32 * 1024) } }) },
    code: 'FN_MAP_FAILED',
    cause: /at most 32768/,
  },
  'the body is too large': {
    spec: { map: () => ({ body: tooLarge }) },
    code: 'FN_MESSAGE_TOO_LARGE',
    cause: /16777217 bytes, at most 16777216/,
  },
}
for (const [what, { spec, code, cause }] of Object.entries(bad)) {
  test(`where ${what}, the line goes to dead letters as it is, and the next ones are sent`, async () => {
    const good = (line: { bytes: Uint8Array }) => ({ body: line.bytes })
    const map: AnySpec['map'] = (line, ctx) => (line.text === 'bad' ? (spec.map ?? good)(line, ctx) : good(line))
    const { encode, ...rest } = spec
    const { start, broker, store, entries } = producing('a\nbad\nb\n', {
      ...rest,
      map,
      encode: (value) =>
        (value instanceof Uint8Array || !encode ? value : (encode as typeof json).encode(value)) as never,
    })
    const { done, counters } = await start()
    await done
    assert.deepEqual(bodiesIn(broker, 'logs'), ['a', 'b'])
    const [dead] = broker.ready('logs.dead')
    assert.equal(Buffer.from(dead?.body ?? []).toString(), 'bad')
    assert.equal(dead?.messageId, 'memory-1:2')
    assert.equal(dead?.headers?.['kedafn-code'], code)
    assert.equal(dead?.headers?.['kedafn-origin'], 'logs')
    assert.match(String(dead?.headers?.['kedafn-cause']), cause)
    assert.deepEqual([counters.sent, counters.confirmed, counters.dead], [3, 3, 1])
    assert.equal(store.saved.at(-1)?.offset, 8)
    assert.equal(entries.filter(({ level }) => level === 'error').length, 1)
  })
}

test('a line that is too long goes to dead letters in parts, and what follows is sent', async () => {
  const { start, broker, store } = producing('a\n0123456789\nb\n', {}, { KEDAFN_MAX_LINE_BYTES: '4' })
  const { done, counters } = await start()
  await done
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a', 'b'])
  const part = ({ body, messageId, headers }: OutgoingMessage) => [
    Buffer.from(body).toString(),
    messageId,
    headers?.['kedafn-part'],
    headers?.['kedafn-last-part'],
  ]
  assert.deepEqual(broker.ready('logs.dead').map(part), [
    ['0123', 'memory-1:2/0', 0, false],
    ['4567', 'memory-1:2/1', 1, false],
    ['89', 'memory-1:2/2', 2, true],
  ])
  assert.deepEqual([counters.sent, counters.dead], [3, 1])
  assert.equal(store.saved.at(-1)?.offset, 15)
})

test('no checkpoint stands inside a line that is sent in parts', async () => {
  const { start, broker, store, clock } = producing('a\n0123456789\n', {}, { KEDAFN_MAX_LINE_BYTES: '4' })
  broker.holdConfirms()
  const { done } = await start()
  await settle()
  broker.releaseConfirms(3)
  await clock.tick(1000)
  assert.equal(store.saved.at(-1)?.offset, 2)
  broker.releaseConfirms()
  await done
  assert.equal(store.saved.at(-1)?.offset, 13)
})

test('an unfinished line waits for its end, and at a drain is left for the next run', async () => {
  const { start, broker, file, clock, store } = producing('a\nb', {}, {}, false)
  const { loop, done } = await start()
  await settle()
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a'])
  file.append('c\nd')
  await clock.tick(100)
  assert.deepEqual(bodiesIn(broker, 'logs'), ['a', 'bc'])
  loop.drain()
  await done
  assert.equal(store.saved.at(-1)?.offset, 5)
})

test('a drain reads no further and waits for the confirms of what was sent', async () => {
  const { start, broker, store, file } = producing(numbered(50), {}, { KEDAFN_WINDOW: '4' }, false)
  broker.holdConfirms()
  const { loop, done, counters } = await start()
  await settle()
  assert.equal(counters.sent, 4)
  loop.drain()
  file.append(numbered(5))
  assert.equal(await isPending(done), true)
  broker.releaseConfirms()
  await done
  assert.deepEqual([counters.sent, counters.confirmed], [4, 4])
  assert.equal(store.saved.at(-1)?.offset, 32)
})

test('a drain while the broker is away waits for it', async () => {
  const { start, broker, clock, store } = producing(numbered(3), {}, {}, false)
  broker.stop()
  const { loop, done } = await start()
  await settle()
  loop.drain()
  await clock.tick(10_000)
  assert.equal(await isPending(done), true)
  broker.start()
  await clock.tick(100)
  await done
  assert.equal(store.saved.at(-1)?.offset, 24)
})

test('what only a person can mend ends the producer, whatever it waits for', async () => {
  for (const content of [numbered(50), '']) {
    const { start, broker } = producing(content, {}, { KEDAFN_WINDOW: '4' }, false)
    broker.holdConfirms()
    const { done } = await start()
    await settle()
    broker.fail(new FnError('FN_PERMISSION_REFUSED', 'write'))
    await assert.rejects(done, (error: FnError) => error.code === 'FN_PERMISSION_REFUSED')
    assert.equal(broker.sessions.size, 0)
  }
})
