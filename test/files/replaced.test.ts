import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { TestClock } from '../../runtime/doubles/clock.ts'
import { openFiles, reading, stalled, ticking } from './reading.ts'
import { workspace } from './workspace.ts'

const options = { timeout: 20_000 }

/** A volume as the kubelet makes and updates it. */
class ConfigMapVolume {
  readonly path: string
  #version = 0

  constructor(t: TestContext, content: string) {
    this.path = join(workspace(t), 'input.txt')
    symlinkSync(join('..data', 'input.txt'), this.path)
    this.update(content)
  }

  update(content: string): void {
    this.swap(content)()
  }

  /** @returns the kubelet's last step: it deletes what was there before */
  swap(content: string): () => void {
    const volume = dirname(this.path)
    const [old, fresh] = [`..2026_${this.#version}`, `..2026_${++this.#version}`]
    mkdirSync(join(volume, fresh))
    writeFileSync(join(volume, fresh, 'input.txt'), content)
    symlinkSync(fresh, join(volume, '..data_tmp'))
    renameSync(join(volume, '..data_tmp'), join(volume, '..data'))
    return () => rmSync(join(volume, old), { recursive: true, force: true })
  }
}

test('of a ConfigMap that got lines at its end only those are sent, under the same name', options, async (t) => {
  const volume = new ConfigMapVolume(t, 'a\nb')
  const reader = await reading(t, volume.path)
  await reader.until(1)
  volume.update('a\nbc\nd\n')
  assert.deepEqual(await reader.until(3), ['a', 'bc', 'd'])
  volume.update('a\nbc\nd\ne\n')
  assert.deepEqual(await reader.until(4), ['a', 'bc', 'd', 'e'])
  assert.deepEqual(new Set(reader.lines.map(({ file }) => file)).size, 1)
  assert.deepEqual(reader.lines.at(-1)?.offset, 7)
  assert.deepEqual(reader.log.of('warn'), [])
})

test('the swap of a ConfigMap is seen at once, each time', options, async (t) => {
  const volume = new ConfigMapVolume(t, 'a\n')
  const clock = new TestClock()
  const reader = await reading(t, volume.path, { clock })
  await reader.until(1)
  let content = 'a\n'
  for (let n = 1; n <= 3; n++) {
    const { line } = await stalled(t, reader)
    content += `${n}\n`
    const clean = volume.swap(content)
    // No time passes until the swap is seen; then the grace time does.
    const seen = () => assert.equal(reader.log.of('info').filter(({ message }) => /new file/.test(message)).length, n)
    await t.waitFor(seen, { interval: 1, timeout: 5000 })
    clean()
    await ticking(t, clock, line)
  }
  assert.deepEqual(reader.texts, ['a', '1', '2', '3'])
})

test('of a ConfigMap that was edited all is sent as new, with a warning', options, async (t) => {
  const filler = 'x'.repeat(3000)
  const volume = new ConfigMapVolume(t, `${filler}\na\n${filler}\n`)
  const reader = await reading(t, volume.path)
  await reader.until(3)
  volume.update(`${filler}\nb\n${filler}\nc\n`)
  assert.deepEqual((await reader.until(7)).slice(3), [filler, 'b', filler, 'c'])
  assert.notEqual(reader.lines[3]?.file, reader.lines[2]?.file)
  assert.deepEqual(
    reader.log.of('warn').map(({ message, fields }) => [message, fields]),
    [['the file was replaced by one that begins otherwise: all of that is sent', { path: volume.path, offset: 6004 }]],
  )
})

test('a ConfigMap that changed while nobody read goes on at the checkpoint, or is sent whole', options, async (t) => {
  const filler = 'x'.repeat(3000)
  for (const [update, expected, warnings] of [
    [`${filler}\na\n${filler}\nc\n`, ['c'], 0],
    [`${filler}\nb\n${filler}\nc\n`, [filler, 'b', filler, 'c'], 1],
    [`${filler}\na\n`, [filler, 'a'], 1],
  ] as const) {
    const volume = new ConfigMapVolume(t, `${filler}\na\n${filler}\n`)
    const reader = await reading(t, volume.path)
    await reader.until(3)
    const checkpoint = await reader.checkpoint()
    await reader.source.close()
    volume.update(update)
    const later = await reading(t, volume.path, { checkpoint, once: true })
    assert.deepEqual(await later.all(), expected)
    assert.equal(later.log.of('warn').length, warnings)
    assert.equal(later.lines[0]?.file === checkpoint.file, warnings === 0)
  }
})

test('a volume that is mounted after the start goes on at the checkpoint', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\nb\n')
  const reader = await reading(t, path)
  await reader.until(2)
  const checkpoint = await reader.checkpoint()
  await reader.source.close()
  rmSync(path)
  const later = await reading(t, path, { checkpoint })
  const line = later.until(1)
  writeFileSync(`${path}.new`, 'a\nb\nc\n')
  renameSync(`${path}.new`, path)
  assert.deepEqual(await line, ['c'])
  assert.equal(later.lines[0]?.file, checkpoint.file)
})

test('a file that an editor saves by rename is sent from where it changed, if that is its end', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\n')
  const reader = await reading(t, path)
  await reader.until(1)
  const save = (content: string) => {
    writeFileSync(`${path}.swp`, content)
    renameSync(`${path}.swp`, path)
  }
  save('a\nb\n')
  assert.deepEqual(await reader.until(2), ['a', 'b'])
  const name = reader.lines[0]?.file
  const checkpoint = await reader.checkpoint()
  await reader.source.close()
  appendFileSync(path, 'c\n')
  const later = await reading(t, path, { checkpoint })
  assert.deepEqual(await later.until(1), ['c'])
  assert.equal(later.lines[0]?.file, name)
  save('a\nx\n')
  assert.deepEqual(await later.until(3), ['c', 'a', 'x'])
})

test('a successor that begins alike is another file as long as the rotated one is there', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'head\n')
  const reader = await reading(t, path)
  await reader.until(1)
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'head\na\n')
  assert.deepEqual(await reader.until(3), ['head', 'head', 'a'])
  const checkpoint = await reader.checkpoint()
  await reader.source.close()
  renameSync(path, `${path}.2`)
  writeFileSync(path, 'head\na\nb\n')
  const later = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await later.all(), ['head', 'a', 'b'])
})

test('nothing stays open after many swaps', options, async (t) => {
  const volume = new ConfigMapVolume(t, 'a\n')
  const reader = await reading(t, volume.path)
  await reader.until(1)
  const opened = openFiles()
  for (let n = 2; n < 10; n++) {
    volume.update('a\n'.repeat(n))
    await reader.until(n)
    await reader.checkpoint()
  }
  assert.equal(openFiles(), opened)
})
