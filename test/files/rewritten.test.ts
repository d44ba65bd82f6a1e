import assert from 'node:assert/strict'
import { appendFileSync, copyFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { reading } from './reading.ts'
import { workspace } from './workspace.ts'

const options = { timeout: 20_000 }
const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n}\n`).join('')
const linesOf = (content: string): string[] => content.split('\n').slice(0, -1)

for (const [what, before, after] of [
  ['to a smaller size', numbered(0, 300), numbered(500, 510)],
  ['to the same size', numbered(100, 300), numbered(500, 700)],
  ['to a larger size', numbered(0, 10), numbered(500, 700)],
  ['to a larger size with the same first line', `head\n${numbered(0, 10)}`, `head\n${numbered(500, 700)}`],
  [
    'to the same size with the same first KiB',
    `head\n${numbered(100, 400)}`,
    `head\n${numbered(100, 398)}line 7\nline 88\n`,
  ],
] as const) {
  test(`a file that is rewritten ${what} before it is looked at again is read from its begin`, options, async (t) => {
    const path = join(workspace(t), 'input.txt')
    writeFileSync(path, before)
    const reader = await reading(t, path)
    await reader.until(linesOf(before).length)
    const first = reader.lines[0]?.file
    truncateSync(path)
    appendFileSync(path, after)
    await reader.until(linesOf(before).length + linesOf(after).length)
    assert.deepEqual(reader.texts, [...linesOf(before), ...linesOf(after)])
    assert.deepEqual([reader.lines.at(-1)?.file, reader.lines.at(-1)?.end], [`${first}.1`, after.length])
    const said = reader.log.of('warn').map(({ message }) => message)
    assert.deepEqual(said, [
      `the file was ${after.length < before.length ? 'truncated' : 'rewritten'}: reading it from its begin`,
    ])
  })

  test(`a checkpoint of a file that was rewritten ${what} skips nothing of what it holds now`, options, async (t) => {
    const path = join(workspace(t), 'input.txt')
    writeFileSync(path, before)
    const reader = await reading(t, path)
    await reader.until(linesOf(before).length)
    truncateSync(path)
    appendFileSync(path, after)
    const checkpoint = await reader.checkpoint()
    await reader.source.close()
    const later = await reading(t, path, { checkpoint, once: true })
    assert.deepEqual(await later.all(), linesOf(after))
    assert.notEqual(later.lines[0]?.file, checkpoint.file)
  })
}

test('a file that is rewritten while it is far from read is noticed at the next chunk', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, numbered(0, 10_000))
  const reader = await reading(t, path, { maxReadBytes: 4096, once: true })
  await reader.step()
  const { length } = reader.lines
  truncateSync(path)
  appendFileSync(path, numbered(20_000, 30_000))
  await reader.all()
  const cut = reader.lines[length]
  assert.ok(cut?.text && 'line 9999'.startsWith(cut.text))
  assert.deepEqual(reader.texts.slice(length + 1), linesOf(numbered(20_000, 30_000)))
})

test('what cannot be known: a file that holds the same bytes where they were read, and more', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  const tick = 'tick\n'.repeat(300)
  writeFileSync(path, `first\n${tick}`)
  const reader = await reading(t, path)
  await reader.until(301)
  truncateSync(path)
  appendFileSync(path, `other\n${tick}new\n`)
  assert.deepEqual((await reader.until(302)).at(-1), 'new')
  assert.deepEqual(reader.log.lines, [])
  // But after a restart all of it counts, if it is not too much to read.
  const checkpoint = { ...(await reader.checkpoint()) }
  await reader.source.close()
  await using file = await open(path, 'r+')
  await file.write('again\n', 0)
  const later = await reading(t, path, { checkpoint, once: true })
  assert.equal((await later.all()).length, 302)
})

test('what was not read when a file was copied and truncated is read from the copy', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, numbered(0, 300))
  const reader = await reading(t, path)
  await reader.until(300)
  const checkpoint = await reader.checkpoint()
  writeFileSync(`${path}.2`, numbered(0, 150))
  writeFileSync(join(path, '..', 'other.txt'), numbered(0, 1500))
  appendFileSync(path, numbered(300, 600))
  copyFileSync(path, `${path}.1`)
  truncateSync(path)
  appendFileSync(path, numbered(600, 900))
  const expected = linesOf(numbered(0, 900))
  assert.deepEqual(await reader.until(900), expected)
  const [first, last] = [reader.lines[0]?.file, reader.lines.at(-1)?.file]
  assert.deepEqual(
    reader.lines.map(({ file }) => file),
    expected.map((_, n) => (n < 600 ? first : last)),
  )
  assert.equal(last, `${first}.1`)
  assert.deepEqual(reader.log.of('warn'), [])
  const later = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await later.all(), linesOf(numbered(300, 900)))
  assert.deepEqual(
    later.lines.map(({ file, offset }) => [file, offset]),
    reader.lines.slice(300).map(({ file, offset }) => [file, offset]),
  )
})

test(
  'a process that dies while it reads a copy goes on in it, and the name of the rest stays another',
  options,
  async (t) => {
    const path = join(workspace(t), 'input.txt')
    writeFileSync(path, numbered(0, 300))
    const reader = await reading(t, path)
    await reader.until(300)
    appendFileSync(path, numbered(300, 600))
    copyFileSync(path, `${path}.1`)
    truncateSync(path)
    appendFileSync(path, numbered(600, 900))
    await reader.until(600)
    const checkpoint = await reader.checkpoint()
    const first = reader.lines[0]?.file
    for (const gone of [false, true]) {
      if (gone) rmSync(`${path}.1`)
      const later = await reading(t, path, { checkpoint, once: true })
      assert.deepEqual(await later.all(), linesOf(numbered(600, 900)))
      assert.ok(later.lines.every(({ file }) => file === `${first}.1`))
    }
  },
)

test('a file that begins with the same heading is not taken for a copy', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(`${path}.1`, 'heading\nold\n')
  writeFileSync(path, 'heading\n')
  const reader = await reading(t, path)
  await reader.until(1)
  truncateSync(path)
  appendFileSync(path, 'a\n')
  assert.deepEqual(await reader.until(2), ['heading', 'a'])
})

test(
  'the same lines written again after a truncation that was seen are sent again, also after a restart',
  options,
  async (t) => {
    const path = join(workspace(t), 'input.txt')
    writeFileSync(path, 'a\nb\n')
    const reader = await reading(t, path)
    await reader.until(2)
    const [old] = reader.lines
    truncateSync(path)
    await reader.step()
    appendFileSync(path, 'a\nb\n')
    // As if the confirms of the old lines came late: this checkpoint must not pass for one of the new.
    const checkpoint = await reader.source.checkpoint(`${old?.file}`, 4)
    assert.deepEqual(await reader.until(4), ['a', 'b', 'a', 'b'])
    await reader.source.close()
    const later = await reading(t, path, { checkpoint, once: true })
    assert.deepEqual(await later.all(), ['a', 'b'])
  },
)
