import assert from 'node:assert/strict'
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text as streamText } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { text } from '../../runtime/core/codecs.ts'
import { appendLines } from '../../runtime/files/append.ts'
import { calls } from '../../runtime/files/calls.ts'
import { takeBack } from '../../runtime/files/torn.ts'
import { openFiles } from './reading.ts'
import { workspace } from './workspace.ts'

const options = { timeout: 30_000 }
const output = (t: TestContext): string => join(workspace(t), 'output.txt')
const appending = join(import.meta.dirname, 'appending.ts')

test('each line is followed by a newline, whatever bytes it has', options, async (t) => {
  const path = output(t)
  await using sink = await appendLines(path)
  const invalid = Buffer.from('\xff\xfe\0\xc3\r', 'latin1')
  await sink.append(['one', '', 'zwölf 😀', text.decode(invalid)])
  await sink.append([invalid, 'mixed', new Uint8Array()])
  await sink.append(['two\nlines'])
  await sink.append([])
  const parts = ['one\n\nzwölf 😀\n', invalid, '\n', invalid, '\nmixed\n\ntwo\nlines\n']
  assert.deepEqual(readFileSync(path), Buffer.concat(parts.map((part) => Buffer.from(part))))
})

test('missing directories are made, and what the file held stays', options, async (t) => {
  const path = join(workspace(t), 'a', 'b', 'output.txt')
  for (const line of ['one', 'two']) {
    await using sink = await appendLines(path)
    await sink.append([line])
  }
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n')
})

test('an append resolves after one write and one sync of all its lines', options, async (t) => {
  const path = output(t)
  const order: string[] = []
  for (const name of ['write', 'fdatasync'] as const) {
    const original = calls[name] as (...args: unknown[]) => Promise<unknown>
    t.mock.method(calls, name, async (...args: unknown[]) => {
      const result = await original(...args)
      order.push(name)
      return result
    })
  }
  await using sink = await appendLines(path)
  await sink.append(['a', 'b'])
  order.push('resolved')
  assert.deepEqual(order, ['write', 'fdatasync', 'resolved'])
  await using unsafe = await appendLines(path, { sync: false })
  await unsafe.append(['c'])
  assert.deepEqual(order, ['write', 'fdatasync', 'resolved', 'write'])
  assert.equal(readFileSync(path, 'utf8'), 'a\nb\nc\n')
})

test('what comes while a write runs goes out together, in the order of the calls', options, async (t) => {
  const path = output(t)
  const write = t.mock.method(calls, 'write')
  const fdatasync = t.mock.method(calls, 'fdatasync')
  await using sink = await appendLines(path)
  const done: number[] = []
  const batch = (call: number) => [`${call} first`, Buffer.from(`${call} second`), `${call} third`]
  const appends = Array.from({ length: 50 }, async (_, call) => {
    await sink.append(call % 2 === 0 ? batch(call) : batch(call).map(String))
    assert.ok(readFileSync(path, 'utf8').includes(`${call} third\n`))
    done.push(call)
  })
  await Promise.all(appends)
  const order = Array.from({ length: 50 }, (_, call) => call)
  assert.deepEqual(done, order)
  assert.equal(readFileSync(path, 'utf8'), order.map((call) => `${batch(call).join('\n')}\n`).join(''))
  assert.deepEqual([write.mock.callCount(), fdatasync.mock.callCount()], [2, 2])
})

test('a failed sync rejects all the appends that it was for, and not the next one', options, async (t) => {
  const path = output(t)
  const fdatasync = t.mock.method(calls, 'fdatasync')
  fdatasync.mock.mockImplementationOnce(async () => {
    throw new Error('EIO: i/o error, fdatasync')
  })
  await using sink = await appendLines(path)
  const failed = { message: `${path} cannot be appended to: EIO: i/o error, fdatasync` }
  const first = assert.rejects(sink.append(['a']), failed)
  const second = sink.append(['b'])
  await first
  await second
  assert.equal(readFileSync(path, 'utf8'), 'a\nb\n')
})

test(
  'a full disk rejects, leaves no part of a batch, and the next append is not glued to anything',
  options,
  async (t) => {
    const path = output(t)
    const limited = 'ulimit -f 40; exec "$0" "$@"'
    const child = spawn('sh', ['-c', limited, process.execPath, appending, 'full', path], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const [report] = await once(child, 'message')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    assert.match(report.message, /output\.txt cannot be appended to: EFBIG/)
    const line = (n: number) => ` ${n} ${'x'.repeat(n % 211)} end\n`
    const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => line(from + i)).join('')
    assert.equal(report.left, lines(0, report.from))
    assert.equal(report.retried, lines(report.from, report.from + 100))
  },
)

test('the part of a failed write is taken back only if it is the end of the file', options, async (t) => {
  const path = output(t)
  writeFileSync(path, 'a\nb\nto')
  const file = openSync(path, 'a')
  t.after(() => closeSync(file))
  assert.equal(takeBack(path, file, Buffer.from('b\nxx')), false)
  assert.equal(readFileSync(path, 'utf8'), 'a\nb\nto')
  assert.equal(takeBack(path, file, Buffer.from('a\nb\nto, and more')), false)
  appendFileSync(path, 'other\n')
  assert.equal(takeBack(path, file, Buffer.from('b\nto')), false)
  assert.equal(readFileSync(path, 'utf8'), 'a\nb\ntoother\n')
  assert.equal(takeBack(path, file, Buffer.from('b\ntoother\n')), true)
  assert.equal(readFileSync(path, 'utf8'), 'a\n')
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'a\n')
  assert.equal(takeBack(path, file, Buffer.from('a\n')), false)
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'a\n')
})

test('a torn line that cannot be taken back is ended before the next append', options, async (t) => {
  const path = output(t)
  const write = calls.write
  const mock = t.mock.method(calls, 'write')
  await using sink = await appendLines(path)
  const short = (file: number, bytes: Uint8Array) => write(file, bytes, 0, 3, null)
  const full = (then: () => void) => async () => {
    then()
    throw new Error('ENOSPC: no space left on device, write')
  }
  mock.mock.mockImplementationOnce(short as typeof write, 1)
  mock.mock.mockImplementationOnce(
    full(() => renameSync(path, `${path}.1`)),
    2,
  )
  mock.mock.mockImplementationOnce(
    full(() => {}),
    4,
  )
  await sink.append(['one'])
  await assert.rejects(sink.append(['hello']), /ENOSPC/)
  await sink.append(['two'])
  await assert.rejects(sink.append(['not a byte of this']), /ENOSPC/)
  await sink.append(['three'])
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'one\nhel\ntwo\nthree\n')
})

test('a line is not glued to a torn one that somebody left', options, async (t) => {
  const path = output(t)
  for (const [before, after] of [
    ['', 'x\n'],
    ['a\n', 'a\nx\n'],
    ['a\nto', 'a\nto\nx\n'],
  ] as const) {
    writeFileSync(path, before)
    await using sink = await appendLines(path)
    await sink.append(['x'])
    assert.equal(readFileSync(path, 'utf8'), after)
  }
})

test('a line that another process is still writing does not count as torn', options, async (t) => {
  const path = output(t)
  writeFileSync(path, 'ha')
  await using sink = await appendLines(path)
  const stat = t.mock.method(calls, 'stat')
  const append = sink.append(['x'])
  await t.waitFor(() => assert.equal(stat.mock.callCount(), 1), { interval: 1, timeout: 5000 })
  appendFileSync(path, 'lf\n')
  await append
  assert.equal(readFileSync(path, 'utf8'), 'half\nx\n')
})

test('lines of several processes in one file stay whole, each process in its order', options, async (t) => {
  const path = output(t)
  const names = ['p', 'q', 'r', 's']
  const ends = names.map((name) => once(fork(appending, ['many', path, name]), 'exit'))
  for (const [code] of await Promise.all(ends)) assert.equal(code, 0)
  const lines = readFileSync(path, 'utf8').split('\n')
  assert.equal(lines.pop(), '')
  for (const name of names) {
    const own = lines.filter((line) => line.startsWith(`${name} `))
    assert.equal(own.length, 10_000)
    for (const [n, line] of own.entries()) assert.equal(line, `${name} ${n} ${'x'.repeat(n % 211)} end`)
  }
  assert.equal(lines.length, 40_000)
})

test('a close waits for what runs, and nothing is appended after it', options, async (t) => {
  const path = output(t)
  const before = openFiles()
  const sink = await appendLines(path)
  const appends = [sink.append(['a']), sink.append(['b'])]
  await Promise.all([sink.close(), sink.close()])
  assert.equal(readFileSync(path, 'utf8'), 'a\nb\n')
  await Promise.all(appends)
  await assert.rejects(sink.append(['c']), { message: `${path} is closed` })
  assert.equal(openFiles(), before)
})

test('a path that cannot be appended to is named', options, async (t) => {
  const directory = workspace(t)
  mkdirSync(join(directory, 'd'))
  writeFileSync(join(directory, 'f'), '')
  const refused = (path: string) => ({ message: new RegExp(`^${path} cannot be opened for appending: E[A-Z]+`) })
  for (const path of [join(directory, 'd'), join(directory, 'f', 'x')]) {
    await assert.rejects(appendLines(path), refused(path))
  }
})

test('what is neither string nor bytes is refused, and nothing of its batch is written', options, async (t) => {
  const path = output(t)
  await using sink = await appendLines(path)
  const expected = { name: 'TypeError', message: 'a line is a value of type object; expected a string or bytes' }
  await assert.rejects(sink.append(['a', { b: 1 } as unknown as string]), expected)
  assert.equal(readFileSync(path, 'utf8'), '')
})

test('a pipe is written to without sync', options, async () => {
  const script = `
    import { appendLines } from '${join(import.meta.dirname, '../../runtime/files/append.ts')}'
    await using sink = await appendLines('/dev/stdout')
    await Promise.all([sink.append(['a', 'b']), sink.append(['c'])])`
  // n.b. What Node gives a child as its stdout is a socket, which cannot be opened again: hence the shell's pipe.
  const args = ['-c', '"$0" "$@" | cat', process.execPath, '--input-type=module', '-e', script]
  const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  assert.equal(await streamText(child.stdout), 'a\nb\nc\n')
})
