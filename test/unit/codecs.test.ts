import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, json, text } from '../../runtime/core/codecs.ts'
import { oddBytes, seeded } from './seeded.ts'

const roundTrip = (body: Uint8Array): Uint8Array => text.encode(text.decode(body))

test('the bytes codec hands bodies through as they are', () => {
  const body = Uint8Array.of(0, 255)
  assert.equal(bytes.decode(body), body)
  assert.equal(bytes.encode(body), body)
  assert.equal(bytes.contentType, 'application/octet-stream')
})

test('text is lossless for every sequence of one and of two bytes', () => {
  for (let first = 0; first < 256; first++) {
    assert.deepEqual(roundTrip(Uint8Array.of(first)), Uint8Array.of(first))
    for (let second = 0; second < 256; second++) {
      const [one, two, ...more] = roundTrip(Uint8Array.of(first, second))
      assert.ok(one === first && two === second && more.length === 0, `${first} ${second}`)
    }
  }
})

/** The same decoding, written for the eye: the shortest run of bytes that the platform takes for one character, else a byte. */
function naiveDecode(body: Buffer): string {
  let result = ''
  for (let at = 0; at < body.length; ) {
    const size = [1, 2, 3, 4].find((length) => {
      const piece = body.subarray(at, at + length)
      return piece.length === length && piece.equals(Buffer.from(piece.toString()))
    })
    result +=
      size === undefined ? String.fromCharCode(0xdc00 + (body[at] as number)) : body.toString('utf8', at, at + size)
    at += size ?? 1
  }
  return result
}

test('text is lossless for any bytes, and agrees with the platform wherever they are UTF-8', () => {
  const next = seeded(1)
  let valid = 0
  for (let run = 0; run < 20_000; run++) {
    const body = oddBytes(next, next(24))
    const decoded = text.decode(body)
    assert.ok(Buffer.from(text.encode(decoded)).equals(body), `run ${run}: ${Buffer.from(body).toString('hex')}`)
    if (run % 8 === 0) assert.equal(decoded, naiveDecode(Buffer.from(body)), `run ${run}`)
    const expected = Buffer.from(body).toString()
    if (!Buffer.from(expected).equals(body)) continue
    valid++
    assert.equal(decoded, expected, `run ${run}`)
  }
  assert.ok(valid > 1000, `${valid} valid bodies are too few to say anything`)
})

test('every code point keeps its bytes, alone and beside a byte that is no UTF-8', () => {
  const points = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xfeff, 0xffff, 0x10000, 0x3ffff, 0x10ffff]
  const next = seeded(2)
  for (let run = 0; run < 5000; run++) points.push(next(0xd800), 0xe000 + next(0x10ffff - 0xe000))
  for (const point of points) {
    const char = String.fromCodePoint(point)
    assert.equal(text.decode(Buffer.from(char)), char)
    assert.ok(Buffer.from(char).equals(text.encode(char)), `U+${point.toString(16)}`)
    const odd = Buffer.concat([Buffer.of(0xff), Buffer.from(char), Buffer.of(0x80)])
    assert.equal(text.decode(odd), `\udcff${char}\udc80`)
    assert.ok(odd.equals(roundTrip(odd)), `U+${point.toString(16)}`)
  }
})

test('each byte that is no part of UTF-8 becomes the lone surrogate that names it', () => {
  for (const [hex, expected] of [
    ['c080', '\udcc0\udc80'],
    ['c1bf', '\udcc1\udcbf'],
    ['c2', '\udcc2'],
    ['c241', '\udcc2A'],
    ['e09fbf', '\udce0\udc9f\udcbf'],
    ['e282', '\udce2\udc82'],
    ['e28241', '\udce2\udc82A'],
    ['eda080', '\udced\udca0\udc80'],
    ['edbfbf', '\udced\udcbf\udcbf'],
    ['f08fbfbf', '\udcf0\udc8f\udcbf\udcbf'],
    ['ffc3a9', '\udcffé'],
    ['fff09f9880', '\udcff😀'],
    ['f0908080ff', '\u{10000}\udcff'],
    ['f4908080', '\udcf4\udc90\udc80\udc80'],
    ['f5808080', '\udcf5\udc80\udc80\udc80'],
    ['efbbbf41ff', '\ufeffA\udcff'],
  ] as const) {
    assert.equal(text.decode(Buffer.from(hex, 'hex')), expected, hex)
    assert.equal(Buffer.from(text.encode(expected)).toString('hex'), hex)
  }
})

test('a byte order mark is content', () => {
  const body = Buffer.from('efbbbf61', 'hex')
  assert.equal(text.decode(body), '\ufeffa')
  assert.deepEqual(Buffer.from(roundTrip(body)), body)
})

test('a surrogate that names no byte is encoded as the replacement character, as everywhere', () => {
  for (const lone of ['\ud800', '\udbff', '\udc00', '\udc7f', '\udd00', '\udfff', '\ud800\ud800']) {
    const value = `a${lone}b\udc80`
    const expected = Buffer.concat([Buffer.from(`a${lone}b`), Buffer.of(0x80)])
    assert.deepEqual(Buffer.from(text.encode(value)), expected)
  }
})

test('a pair of surrogates is one character even if its second half looks like a byte', () => {
  const pair = '\ud83d\udc80'
  assert.equal(Buffer.from(text.encode(`${pair}\udc80`)).toString('hex'), 'f09f928080')
})

test('the encoded text owns its memory to the last byte', () => {
  const encoded = text.encode('a\udc80')
  assert.equal(encoded.buffer.byteLength, 2)
})

test('JSON goes through as a value', () => {
  const value = { text: 'é', list: [1, null, true], nested: { a: 'b' } }
  assert.deepEqual(json.decode(json.encode(value)), value)
  assert.equal(json.contentType, 'application/json')
  assert.equal(text.contentType, 'text/plain; charset=utf-8')
})

test('what is not JSON in UTF-8 does not decode', () => {
  for (const hex of ['', '7b', 'ff', '22ff22', 'efbbbf31']) {
    assert.throws(() => json.decode(Buffer.from(hex, 'hex')), hex)
  }
})

test('what has no JSON form does not encode', () => {
  assert.throws(() => json.encode(undefined), { name: 'TypeError', message: 'a undefined has no JSON form' })
  assert.throws(() => json.encode(() => {}), { name: 'TypeError', message: 'a function has no JSON form' })
  assert.throws(() => json.encode(1n), TypeError)
})
