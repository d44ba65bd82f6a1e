import assert from 'node:assert/strict'
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Checkpoint } from '../../runtime/core/checkpoint.ts'
import { seeded } from '../unit/seeded.ts'
import { type Reader, reading } from './reading.ts'
import { workspace } from './workspace.ts'

/** What is done to a file, and the lines that a reader who loses and repeats nothing must see. */
class Model {
  readonly path: string
  readonly expected: string[] = []
  bytes = 0
  /** The unfinished line at the file's end. */
  #open = ''
  #count = 0

  constructor(path: string) {
    this.path = path
    writeFileSync(path, '')
  }

  write(text: string): void {
    appendFileSync(this.path, text)
    this.bytes += text.length
    const lines = (this.#open + text).split('\n')
    this.#open = lines.pop() as string
    this.expected.push(...lines)
  }

  /** A line, or a piece of one. */
  grow(next: (limit: number) => number): void {
    const line = `${this.#count++} ${'x'.repeat(next(200))}`
    const cut = next(line.length)
    this.write([`${line}\n`, line.slice(0, cut), `${line}\n\n${line.slice(cut)}`, '\n'][next(4)] as string)
  }

  /** The file is finished as it is. */
  #finish(): void {
    if (this.#open !== '') this.expected.push(this.#open)
    this.#open = ''
  }

  rename(): void {
    this.#finish()
    renameSync(this.path, `${this.path}.${this.#count++}`)
    writeFileSync(this.path, '')
  }

  replace(): void {
    this.#finish()
    rmSync(this.path)
    writeFileSync(this.path, '')
  }

  truncate(): void {
    this.#finish()
    truncateSync(this.path)
  }
}

async function play(t: TestContext, seed: number): Promise<void> {
  const next = seeded(seed)
  const model = new Model(join(workspace(t), 'input.txt'))
  const open = (checkpoint: Checkpoint | null) =>
    reading(t, model.path, { checkpoint, maxReadBytes: 64, rotateGraceMs: 0, pollMs: 1 })
  let reader: Reader = await open(null)
  const earlier = { lines: 0, bytes: 0 }
  const seen: string[] = []
  const catchUp = async () => {
    while (earlier.bytes + reader.bytes < model.bytes || earlier.lines + reader.lines.length < model.expected.length) {
      assert.ok(await reader.step())
    }
    seen.push(...reader.texts.slice(seen.length - earlier.lines))
    assert.deepEqual(seen, model.expected)
  }
  for (let step = 0; step < 60; step++) {
    const action = next(12)
    if (action < 6) model.grow(next)
    else await catchUp()
    if (action === 8 || action === 9) {
      model.rename()
      await catchUp()
    } else if (action === 10) {
      // The piece shows that the reader has noticed: what is done to the file in between it cannot know.
      model.write('\npiece')
      await catchUp()
      if (next(2) === 0) model.replace()
      else model.truncate()
      await catchUp()
    } else if (action === 11) {
      model.write(`${step} end\n`)
      await catchUp()
      const checkpoint = await reader.checkpoint()
      await reader.source.close()
      earlier.lines += reader.lines.length
      earlier.bytes += reader.bytes
      model.grow(next)
      if (next(2) === 0) model.rename()
      model.grow(next)
      reader = await open(checkpoint)
    }
  }
  await catchUp()
  model.rename()
  await catchUp()
  await reader.source.close()
}

for (let seed = 1; seed <= 20; seed++) {
  const title = `whatever happens to a file, each line is read once and in order (case ${seed})`
  test(title, { timeout: 20_000 }, (t) => play(t, seed))
}
