import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineSplitter, maxBodyBytes, type Piece } from '../../runtime/core/lines.ts'
import { oddBytes, seeded } from './seeded.ts'

const latin1 = (value: string): Uint8Array => Buffer.from(value, 'latin1')

/** A piece as the shortest thing that tells all about it: `offset text -> end`, or the part's number before it. */
function shown(piece: Piece): string {
  if (piece.kind === 'line') {
    return `${piece.line.offset} ${Buffer.from(piece.line.bytes).toString('latin1')} -> ${piece.end}`
  }
  return `part ${piece.part} of ${piece.offset} ${Buffer.from(piece.bytes).toString('latin1')} -> ${piece.end}`
}

function split(splitter: LineSplitter, ...chunks: string[]): string[] {
  return chunks.flatMap((chunk) => [...splitter.push(latin1(chunk))].map(shown))
}

test('a line is what stands between two newlines, with its offset and where the next begins', () => {
  assert.deepEqual(split(new LineSplitter(), 'a\nbc\n\nd\n'), ['0 a -> 2', '2 bc -> 5', '5  -> 6', '6 d -> 8'])
})

test('every byte but the newline is content', () => {
  assert.deepEqual(split(new LineSplitter(), 'a\r\n\0\xff\n\u0085\x0b\n'), [
    '0 a\r -> 3',
    '3 \0\xff -> 6',
    '6 \u0085\x0b -> 9',
  ])
})

test('a line without its newline is held until that comes', () => {
  const splitter = new LineSplitter(100)
  assert.deepEqual(split(splitter, 'a\nb'), ['100 a -> 102'])
  assert.deepEqual(split(splitter, '', 'c'), [])
  assert.deepEqual(split(splitter, '\n'), ['102 bc -> 105'])
})

test('the end finishes a line without newline, and nothing if there is none', () => {
  const splitter = new LineSplitter()
  assert.deepEqual([...splitter.end()], [])
  split(splitter, 'a\nb')
  assert.deepEqual([...splitter.end()].map(shown), ['2 b -> 3'])
  assert.deepEqual([...splitter.end()], [])
})

test('the text of a line is lossless and read when asked for', () => {
  const [piece] = new LineSplitter().push(Buffer.from('é\xff\n', 'latin1'))
  assert.equal(piece?.kind === 'line' && piece.line.text, '\udce9\udcff')
})

test('a line at the limit is whole, a longer one comes in parts and has its end on the last', () => {
  const exact = new LineSplitter(0, 4)
  assert.deepEqual(split(exact, 'abcd\n', 'ab', 'cd', '\n'), ['0 abcd -> 5', '5 abcd -> 10'])
  const longer = new LineSplitter(10, 4)
  assert.deepEqual(split(longer, 'x\nabcde\ny\n'), [
    '10 x -> 12',
    'part 0 of 12 abcd -> null',
    'part 1 of 12 e -> 18',
    '18 y -> 20',
  ])
})

test('a line of a whole number of limits has no empty last part', () => {
  assert.deepEqual(split(new LineSplitter(0, 2), 'abcd', 'ef', '\n'), [
    'part 0 of 0 ab -> null',
    'part 1 of 0 cd -> null',
    'part 2 of 0 ef -> 7',
  ])
})

test('the end finishes a line in parts', () => {
  const splitter = new LineSplitter(0, 2)
  assert.deepEqual(split(splitter, 'abcde'), ['part 0 of 0 ab -> null', 'part 1 of 0 cd -> null'])
  assert.deepEqual([...splitter.end()].map(shown), ['part 2 of 0 e -> 5'])
  assert.deepEqual(split(splitter, 'f\n'), ['5 f -> 7'])
})

test('an endless line is never held beyond the limit', () => {
  const splitter = new LineSplitter(0, 1000)
  let given = 0
  for (let chunk = 0; chunk < 1000; chunk++) {
    for (const piece of splitter.push(new Uint8Array(64))) {
      assert.equal(piece.kind === 'part' && piece.bytes.length, 1000)
      given += 1000
    }
    assert.ok((chunk + 1) * 64 - given <= 1000)
  }
  assert.equal(given, 63_000)
})

test('the limit is the largest message unless another is given', () => {
  assert.equal(maxBodyBytes, 16_777_216)
  const splitter = new LineSplitter()
  assert.deepEqual([...splitter.push(new Uint8Array(maxBodyBytes))], [])
  const [part] = [...splitter.push(Uint8Array.of(1))]
  assert.equal(part?.kind === 'part' && part.bytes.length, maxBodyBytes)
})

/** The lines of `input` by plain search, each with its offset and end. */
function naiveLines(input: Uint8Array, from: number): { bytes: string; offset: number; end: number }[] {
  const lines: { bytes: string; offset: number; end: number }[] = []
  const pieces = Buffer.from(input).toString('latin1').split('\n')
  let offset = from
  for (const [index, bytes] of pieces.entries()) {
    const isLast = index === pieces.length - 1
    const end = offset + bytes.length + (isLast ? 0 : 1)
    if (end > offset) lines.push({ bytes, offset, end })
    offset = end
  }
  return lines
}

test('for any bytes in any chunks and any limit, the pieces make up exactly the lines of the input', () => {
  const next = seeded(4)
  for (let run = 0; run < 4000; run++) {
    const input = oddBytes(next, next(80))
    const from = next(1000)
    const limit = 1 + next(30)
    const splitter = new LineSplitter(from, limit)
    const pieces: Piece[] = []
    for (let at = 0; at < input.length; ) {
      const size = 1 + next(next(2) === 0 ? 3 : 60)
      pieces.push(...splitter.push(input.slice(at, at + size)))
      at += size
    }
    pieces.push(...splitter.end())
    assert.deepEqual(
      joined(pieces, limit),
      naiveLines(input, from),
      `run ${run}: ${Buffer.from(input).toString('hex')}`,
    )
  }
})

/** The lines again, parts put together; asserts what must hold for each part. */
function joined(pieces: readonly Piece[], limit: number): { bytes: string; offset: number; end: number }[] {
  const lines: { bytes: string; offset: number; end: number }[] = []
  let parts: string[] = []
  for (const piece of pieces) {
    const bytes = Buffer.from(piece.kind === 'line' ? piece.line.bytes : piece.bytes).toString('latin1')
    const offset = piece.kind === 'line' ? piece.line.offset : piece.offset
    if (piece.kind === 'part') {
      assert.equal(piece.part, parts.length)
      if (piece.end === null) assert.equal(bytes.length, limit)
      else assert.ok(parts.length > 0 && bytes.length > 0)
    } else assert.equal(parts.length, 0)
    assert.ok(bytes.length <= limit)
    parts.push(bytes)
    if (piece.end === null) continue
    lines.push({ bytes: parts.join(''), offset, end: piece.end })
    parts = []
  }
  assert.equal(parts.length, 0)
  return lines
}
