import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { corkTurns } from '../../runtime/rabbitmq/cork.ts'

/** What left together, each as one text. */
function corked(): { stream: Writable; left: string[] } {
  const left: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _encoding, done) => {
      left.push(`${chunk}`)
      done()
    },
    writev: (chunks, done) => {
      left.push(chunks.map(({ chunk }) => `${chunk}`).join(''))
      done()
    },
  })
  corkTurns(stream)
  return { stream, left }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what is written in one turn of the event loop leaves together, before the next turn', async () => {
  const { stream, left } = corked()
  for (const part of ['a', 'b', 'c']) stream.write(part)
  assert.deepEqual(left, [])
  await turn()
  assert.deepEqual(left, ['abc'])
  stream.write('d')
  await turn()
  assert.deepEqual(left, ['abc', 'd'])
})

test('a write still tells when to wait, and that there is room again', async () => {
  const { stream, left } = corked()
  const big = 'x'.repeat(stream.writableHighWaterMark)
  assert.equal(stream.write(big), false)
  await once(stream, 'drain')
  assert.equal(stream.write('y'), true)
  await turn()
  assert.deepEqual(left, [big, 'y'])
})

test('an end in the same turn takes along what was written before it', async () => {
  const { stream, left } = corked()
  stream.write('a')
  stream.write('b')
  stream.end()
  await once(stream, 'finish')
  assert.deepEqual(left, ['ab'])
})
