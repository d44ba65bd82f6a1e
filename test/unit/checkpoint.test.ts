import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { FnError } from '../../runtime/core/errors.ts'

const checkpoint: Checkpoint = { file: '2f-é', device: '2049', inode: '1311', offset: 90_071, fingerprint: 'ab12' }

const isUnusable = (error: unknown): boolean =>
  error instanceof FnError && error.code === 'FN_CHECKPOINT_UNUSABLE' && error.message.includes('/var/c.checkpoint')

test('a checkpoint is two lines of text, the second as JSON, the first with its CRC-32', () => {
  for (const file of ['', 'é', 'x'.repeat(1000)]) {
    const body = JSON.stringify({ ...checkpoint, file })
    const crc = crc32(body).toString(16).padStart(8, '0')
    assert.equal(encodeCheckpoint({ ...checkpoint, file }), `kedafn-checkpoint-1 ${crc}\n${body}\n`)
  }
})

test('a checkpoint reads back as it was written', () => {
  for (const file of ['', 'plain', '\u2028"\\\n\u0000', '\udc80 lone', '😀']) {
    const written = { ...checkpoint, file, offset: Number.MAX_SAFE_INTEGER }
    assert.deepEqual(decodeCheckpoint(encodeCheckpoint(written), 'c'), written)
  }
})

test('only the known fields are stored', () => {
  assert.equal(encodeCheckpoint({ ...checkpoint, more: 1 } as Checkpoint), encodeCheckpoint(checkpoint))
})

test('a checkpoint cut off anywhere is refused', () => {
  const stored = encodeCheckpoint(checkpoint)
  for (let length = 0; length < stored.length; length++) {
    assert.throws(() => decodeCheckpoint(stored.slice(0, length), '/var/c.checkpoint'), isUnusable, `${length}`)
  }
})

test('a checkpoint with any one bit flipped is refused', () => {
  const stored = Buffer.from(encodeCheckpoint(checkpoint))
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const flipped = Buffer.from(stored)
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.throws(() => decodeCheckpoint(flipped.toString(), '/var/c.checkpoint'), isUnusable, `bit ${bit}`)
  }
})

test('what else may stand in the file is refused', () => {
  const stored = encodeCheckpoint(checkpoint)
  for (const wrong of [
    `${stored}\n`,
    ` ${stored}`,
    stored.repeat(2),
    stored.replaceAll('\n', '\r\n'),
    stored.replace('-1 ', '-2 '),
    'kedafn-checkpoint-1 00000000\nnull\n',
    '\n{}',
    '\0'.repeat(100),
  ]) {
    assert.throws(() => decodeCheckpoint(wrong, '/var/c.checkpoint'), isUnusable, JSON.stringify(wrong))
  }
})
