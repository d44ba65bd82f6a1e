import { createHash, hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'

export interface Comparison {
  /** The output is the compared part of the input, byte for byte; a missing newline at the end counts as there. */
  readonly equal: boolean
  /** Lines of the compared part of the input. */
  readonly expected: number
  /** Lines of the input that the output lacks. */
  readonly missing: number
  /** Copies in the output beyond those in the input, of lines that are in the input. */
  readonly duplicates: number
  /** Lines of the output that are not in the input. */
  readonly foreign: number
  /** First appearances are in the input's order. null: too many lines to tell. */
  readonly inOrder: boolean | null
}

/** So many different lines are held in memory at once, some 100 MB; the files are read again for the rest. */
const linesInMemory = 1_000_000
const chunkBytes = 1024 * 1024
const newline = 10

/**
 * Compares the first `inputBytes` bytes of the input with the whole output. Memory does not grow with the files.
 * @param inputBytes the end of a line, or the end of the file
 */
export async function compareFiles(
  input: string,
  output: string,
  inputBytes = Number.POSITIVE_INFINITY,
  mostInMemory: number = linesInMemory,
): Promise<Comparison> {
  const size = Math.min(inputBytes, (await stat(input)).size)
  const expected = await countLines(input, size)
  if (await sameBytes(input, size, output)) {
    return { equal: true, expected, missing: 0, duplicates: 0, foreign: 0, inOrder: true }
  }
  const passes = Math.max(1, Math.ceil(expected / mostInMemory))
  const total = { missing: 0, duplicates: 0, foreign: 0, disorder: 0 }
  for (let pass = 0; pass < passes; pass++) {
    const part = await comparePart(input, size, output, (key) => passes === 1 || partOf(key, passes) === pass)
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += part[name]
  }
  const { disorder, ...counts } = total
  // Each pass sees the order within its own part only.
  const inOrder = disorder > 0 ? false : passes === 1 ? true : null
  return { equal: false, expected, ...counts, inOrder }
}

async function sameBytes(input: string, inputBytes: number, output: string): Promise<boolean> {
  const outputBytes = await sizeOf(output)
  const unfinished = inputBytes > 0 && (await byteAt(input, inputBytes - 1)) !== newline
  if (outputBytes !== inputBytes + (unfinished ? 1 : 0)) return false
  if (unfinished && (await byteAt(output, outputBytes - 1)) !== newline) return false
  await using one = await open(input)
  if (inputBytes === 0) return true
  await using other = await open(output)
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const
  for (let at = 0; at < inputBytes; ) {
    const length = Math.min(chunkBytes, inputBytes - at)
    const reads = await Promise.all([one.read(buffers[0], 0, length, at), other.read(buffers[1], 0, length, at)])
    const read = Math.min(reads[0].bytesRead, reads[1].bytesRead)
    if (read === 0 || !buffers[0].subarray(0, read).equals(buffers[1].subarray(0, read))) return false
    at += read
  }
  return true
}

async function byteAt(path: string, offset: number): Promise<number | undefined> {
  await using file = await open(path)
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset)
  return buffer[0]
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

async function* chunksOf(path: string, bytes: number): AsyncGenerator<Buffer> {
  if (bytes === 0 || (await sizeOf(path)) === 0) return
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: chunkBytes })) yield chunk
}

async function countLines(path: string, bytes: number): Promise<number> {
  let lines = 0
  let last = newline
  for await (const chunk of chunksOf(path, bytes)) {
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) lines++
    last = chunk[chunk.length - 1] ?? newline
  }
  return last === newline ? lines : lines + 1
}

/**
 * The 96 leading bits of each line's hash, some lines at a time: two different lines share them by no accident that will
 * ever be seen.
 */
async function* keysOf(path: string, bytes: number): AsyncGenerator<readonly string[]> {
  const short = (digest: string) => digest.slice(0, 16)
  // Only a line that spans chunks needs the slower incremental hash.
  let begun: ReturnType<typeof createHash> | null = null
  for await (const chunk of chunksOf(path, bytes)) {
    const keys: string[] = []
    let from = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      const rest = chunk.subarray(from, at)
      keys.push(short(begun ? begun.update(rest).digest('base64') : hash('sha256', rest, 'base64')))
      begun = null
      from = at + 1
    }
    if (from < chunk.length) begun = (begun ?? createHash('sha256')).update(chunk.subarray(from))
    yield keys
  }
  if (begun) yield [short(begun.digest('base64'))]
}

const partOf = (key: string, parts: number): number => Buffer.from(key, 'base64').readUInt32LE(8) % parts

async function comparePart(input: string, inputBytes: number, output: string, belongs: (key: string) => boolean) {
  /** In the order of first appearance: how many copies of a line the output still owes, below 0 for copies too many. */
  const owed = new Map<string, { copies: number; rank: number; seen: boolean }>()
  for await (const keys of keysOf(input, inputBytes)) {
    for (const key of keys.filter(belongs)) {
      const line = owed.get(key)
      if (line) line.copies++
      else owed.set(key, { copies: 1, rank: owed.size, seen: false })
    }
  }
  const part = { missing: 0, duplicates: 0, foreign: 0, disorder: 0 }
  let lastRank = -1
  for await (const keys of keysOf(output, Number.POSITIVE_INFINITY)) {
    for (const key of keys.filter(belongs)) {
      const line = owed.get(key)
      if (!line) {
        part.foreign++
        continue
      }
      line.copies--
      if (line.seen) continue
      if (line.rank < lastRank) part.disorder++
      lastRank = line.rank
      line.seen = true
    }
  }
  for (const { copies } of owed.values()) {
    if (copies > 0) part.missing += copies
    else part.duplicates -= copies
  }
  return part
}
