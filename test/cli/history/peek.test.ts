import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { kedafn } from '../support/kedafn.ts'
import { idsOf, numbered, packOf, Queues } from '../support/queues.ts'

let queues: Queues
before(async () => {
  queues = await Queues.open('cli-peek')
})
after(() => queues[Symbol.asyncDispose]())

const peek = (t: TestContext, ...args: string[]) => kedafn(t, ['peek', ...args], { env: queues.env })

test('the first ones are shown, and stand in the queue as they did', async (t) => {
  const queue = await queues.make()
  await queues.put(queue, [...numbered(3), packOf(10, ['one', 'two'])])
  const { code, stdout, stderr } = await peek(t, queue, '-n', '2')
  assert.deepEqual([code, stdout], [0, '1  -  line 0\n2  -  line 1\n'])
  assert.match(stderr, /^2 messages are back in the queue, each with one delivery more/)
  assert.equal((await peek(t, queue)).stdout, '1  -  line 0\n2  -  line 1\n3  -  line 2\n4/1  -  one\n4/2  -  two\n')
  const parts = JSON.parse((await peek(t, queue, '--json')).stdout)
  assert.deepEqual(
    parts.map(({ number, line, id, text }: Record<string, unknown>) => [number, line, id, text]),
    [
      [1, undefined, 'f:0', 'line 0'],
      [2, undefined, 'f:1', 'line 1'],
      [3, undefined, 'f:2', 'line 2'],
      [4, 1, 'f:10', 'one'],
      [4, 2, 'f:11', 'two'],
    ],
  )
  assert.deepEqual(idsOf(await queues.empty(queue)), ['f:0', 'f:1', 'f:2', 'f:10'])
})

test('many go back in their order', async (t) => {
  const queue = await queues.make()
  await queues.put(queue, numbered(300))
  const { stdout } = await peek(t, queue, '--count', '200', '--headers')
  assert.equal(stdout.match(/line \d+/g)?.length, 200)
  assert.match(stdout, /^ {4}id: f:199$/m)
  assert.deepEqual(
    idsOf(await queues.empty(queue)),
    Array.from({ length: 300 }, (_, index) => `f:${index}`),
  )
})

test('an empty queue, a missing one and a stream are told apart', async (t) => {
  const queue = await queues.make()
  const empty = await peek(t, queue)
  assert.deepEqual(empty, { code: 0, stdout: '', stderr: 'no message waits there\n' })
  assert.equal((await peek(t, queue, '--json')).stdout, '[]\n')
  const missing = await peek(t, 'nothing')
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /there is no queue 'nothing'/)
  await queues.send(queue, numbered(1))
  const stream = await peek(t, `${queue}.history`)
  assert.equal(stream.code, 1)
  assert.match(stream.stderr, new RegExp(`is a stream: .*\nkedafn tail ${queue} --from 15m`))
})

test('an ordered queue gives nothing away, and that is said', async (t) => {
  const queue = await queues.make({ ordered: true })
  await queues.put(queue, numbered(1))
  const { code, stderr } = await peek(t, queue)
  assert.equal(code, 1)
  assert.match(stderr, /is ordered: it gives messages to its one consumer alone/)
  assert.equal(await queues.ready(queue), 1)
})

test('hostile and large messages are shown safely and stay what they are', async (t) => {
  const queue = await queues.make()
  const bodies = [Buffer.from('\x1b[2J\x9b31m\u202e'), Buffer.alloc(10_000_000, 0xff), Buffer.from('['.repeat(100_000))]
  await queues.put(
    queue,
    bodies.map((body) => ({ body, headers: { '\x1b[1m': '\x07' } })),
  )
  const { code, stdout } = await peek(t, queue, '--headers')
  assert.equal(code, 0)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is what is tested
  assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  const taken = await queues.empty(queue)
  assert.ok(taken.every(({ content }, index) => content.equals(bodies[index] as Buffer)))
})
