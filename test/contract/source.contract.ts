import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Checkpoint } from '../../runtime/core/checkpoint.ts'
import type { Source, SourceChunk } from '../../runtime/ports.ts'

/** A file, and sources that read it. Everything is closed when the test is over. */
export interface SourceFixture {
  append(content: string): void
  /** Another file gets the name. */
  rotate(content: string): void
  /** The file is emptied. */
  truncate(): void
  source(options?: { once?: boolean; checkpoint?: Checkpoint | null; maxReadBytes?: number }): Promise<Source>
}

const never = new AbortController().signal
const timeout = 10_000

async function next(source: Source): Promise<SourceChunk> {
  const chunk = await source.read(never)
  assert.ok(chunk)
  return chunk
}

/** Reads until the file is finished: its name, where the first byte stands, and what was read. */
async function readFile(source: Source): Promise<{ file: string; offset: number; text: string }> {
  let chunk = await next(source)
  const { file, offset } = chunk
  const parts = [Buffer.from(chunk.bytes)]
  for (let end = offset + chunk.bytes.length; !chunk.last; end += chunk.bytes.length) {
    chunk = await next(source)
    assert.equal(chunk.file, file)
    assert.equal(chunk.offset, end)
    parts.push(Buffer.from(chunk.bytes))
  }
  return { file, offset, text: Buffer.concat(parts).toString() }
}

/** Reads exactly `text`. */
async function readText(source: Source, text: string): Promise<string> {
  let read = ''
  let file = ''
  while (read.length < text.length) {
    const chunk = await next(source)
    assert.equal(chunk.last, false)
    file = chunk.file
    read += Buffer.from(chunk.bytes).toString()
  }
  assert.equal(read, text)
  return file
}

/** Reads what the file holds, which is something. */
async function upToNow(source: Source): Promise<{ text: string }> {
  const { bytes } = await next(source)
  return { text: Buffer.from(bytes).toString() }
}

/** What every Source does. `open` makes a file that holds `content`. */
export function sourceContract(name: string, open: (t: TestContext, content: string) => SourceFixture): void {
  const it = (title: string, content: string, run: (file: SourceFixture) => Promise<void>): void => {
    test(`${name}: ${title}`, { timeout }, (t) => run(open(t, content)))
  }

  it(
    'a file taken as complete is read to its end, which is marked, and then there is nothing',
    'a\nb',
    async (file) => {
      const source = await file.source({ once: true })
      assert.partialDeepStrictEqual(await readFile(source), { offset: 0, text: 'a\nb' })
      assert.equal(await source.read(never), null)
      assert.equal(await source.read(never), null)
    },
  )

  it('an empty file taken as complete is its end', '', async (file) => {
    const source = await file.source({ once: true })
    assert.partialDeepStrictEqual(await readFile(source), { offset: 0, text: '' })
    assert.equal(await source.read(never), null)
  })

  it('at the end of the file a read waits for what is appended', 'a\n', async (file) => {
    const source = await file.source()
    await readText(source, 'a\n')
    const waiting = next(source)
    file.append('b')
    const chunk = await waiting
    assert.equal(chunk.offset, 2)
    assert.equal(Buffer.from(chunk.bytes).toString(), 'b')
    file.append('c\n')
    await readText(source, 'c\n')
  })

  it('a read whose signal fires gets nothing, and the next one loses nothing', 'a\n', async (file) => {
    const source = await file.source()
    assert.equal(await source.read(AbortSignal.abort()), null)
    await readText(source, 'a\n')
    const stop = new AbortController()
    const waiting = source.read(stop.signal)
    stop.abort()
    assert.equal(await waiting, null)
    file.append('b\n')
    await readText(source, 'b\n')
  })

  it('a chunk is no longer than allowed and is never written to again', 'one two three ', async (file) => {
    const source = await file.source({ once: true, maxReadBytes: 4 })
    const chunks: SourceChunk[] = []
    for (let chunk = await source.read(never); chunk; chunk = await source.read(never)) chunks.push(chunk)
    assert.deepEqual(chunks.map(({ bytes }) => Buffer.from(bytes).toString()).join('|'), 'one |two |thre|e |')
  })

  it('closing ends a read that waits; closing again does nothing', '', async (file) => {
    const source = await file.source()
    const waiting = source.read(never)
    await source.close()
    await source.close()
    assert.equal(await waiting, null)
    assert.equal(await source.read(never), null)
  })

  it('the same file has the same name for each source', 'a\n', async (file) => {
    const first = await readText(await file.source(), 'a\n')
    assert.equal(await readText(await file.source(), 'a\n'), first)
    assert.match(first, /^[A-Za-z0-9.-]{1,40}$/)
  })

  it('a source goes on at a checkpoint, under the same name', 'a\nb\nc\n', async (file) => {
    const source = await file.source()
    const name = await readText(source, 'a\nb\nc\n')
    const checkpoint = await source.checkpoint(name, 4)
    assert.partialDeepStrictEqual(checkpoint, { file: name, offset: 4 })
    await source.close()
    file.append('d\n')
    assert.deepEqual(await readFile(await file.source({ once: true, checkpoint })), {
      file: name,
      offset: 4,
      text: 'c\nd\n',
    })
  })

  it('a new file under the name comes after the end of the old one', 'a\nb', async (file) => {
    const source = await file.source()
    file.rotate('c\n')
    const old = await readFile(source)
    assert.equal(old.text, 'a\nb')
    assert.notEqual(await readText(source, 'c\n'), old.file)
  })

  it(
    'a file that was rotated can be checkpointed, and a source goes on in it and then in the new one',
    'a\nb\n',
    async (file) => {
      const source = await file.source()
      file.rotate('c\n')
      const old = await readFile(source)
      const name = await readText(source, 'c\n')
      const checkpoint = await source.checkpoint(old.file, 2)
      await source.checkpoint(name, 2)
      await source.close()
      const later = await file.source({ checkpoint })
      assert.deepEqual(await readFile(later), { file: old.file, offset: 2, text: 'b\n' })
      assert.equal(await readText(later, 'c\n'), name)
    },
  )

  it('a truncation finishes the content, and what follows has another name', 'a\nb', async (file) => {
    const source = await file.source()
    const old = await readText(source, 'a\nb')
    const end = next(source)
    file.truncate()
    assert.partialDeepStrictEqual(await end, { file: old, offset: 3, last: true })
    file.append('c\n')
    const name = await readText(source, 'c\n')
    assert.notEqual(name, old)
    const checkpoint = await source.checkpoint(name, 2)
    file.append('d\n')
    assert.deepEqual(await readFile(await file.source({ once: true, checkpoint })), {
      file: name,
      offset: 2,
      text: 'd\n',
    })
  })

  it('a file that was truncated and written again before it was looked at is begun anew', 'a\nb\n', async (file) => {
    for (const again of ['c\n', 'd\ne\n', 'f\ng\nh\n']) {
      const source = await file.source()
      const { text } = await upToNow(source)
      file.truncate()
      file.append(again)
      const end = await next(source)
      assert.partialDeepStrictEqual(end, { offset: text.length, last: true })
      assert.notEqual(await readText(source, again), end.file)
      await source.close()
    }
  })

  it('a checkpoint of what was truncated away does not skip anything of what came after', 'a\nb\n', async (file) => {
    const source = await file.source()
    const old = await readText(source, 'a\nb\n')
    const end = next(source)
    file.truncate()
    await end
    file.append('c\nd\ne\n')
    const name = await readText(source, 'c\nd\ne\n')
    const checkpoint = await source.checkpoint(old, 4)
    const later = await file.source({ checkpoint })
    let chunk = await next(later)
    if (chunk.file === old) chunk = await next(later)
    assert.partialDeepStrictEqual(chunk, { file: name, offset: 0 })
    assert.equal(Buffer.from(chunk.bytes).toString(), 'c\nd\ne\n')
  })
}
