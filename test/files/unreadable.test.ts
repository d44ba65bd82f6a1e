import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { openTail } from '../../runtime/files/tail.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { openFiles, reading } from './reading.ts'
import { RecordingLog, workspace } from './workspace.ts'

const options = { timeout: 20_000 }
const open = (path: string, more = {}) =>
  openTail({ path, once: false, checkpoint: null, clock: systemClock, log: new RecordingLog(), ...more })
const refusal = (message: string) => ({
  code: 'FN_SOURCE_UNREADABLE',
  message: `the input file cannot be read: ${message}`,
})

/** Root reads everything: meanwhile we are somebody else. */
async function unprivileged(run: () => Promise<void>): Promise<void> {
  const root = process.geteuid?.() === 0
  if (root) process.seteuid?.(65_534)
  try {
    await run()
  } finally {
    if (root) process.seteuid?.(0)
  }
}

test('what is no regular file is refused by name and kind', options, async (t) => {
  const directory = workspace(t)
  const path = (name: string) => join(directory, name)
  execFileSync('mkfifo', [path('fifo')])
  const server = createServer().listen(path('socket'))
  await once(server, 'listening')
  t.after(() => server.close())
  writeFileSync(path('file'), '')
  symlinkSync('loop', path('loop'))
  const before = openFiles()
  const give = 'Give the path of a regular file'
  await assert.rejects(open(directory), refusal(`${directory} is a directory. ${give}`))
  const unseekable = 'which cannot be read again from an offset'
  await assert.rejects(open(path('fifo')), refusal(`${path('fifo')} is a FIFO, ${unseekable}. ${give}`))
  await assert.rejects(open('/dev/null'), refusal(`/dev/null is a device, ${unseekable}. ${give}`))
  await assert.rejects(open(path('socket')), refusal(`${path('socket')} is a socket. ${give}`))
  await assert.rejects(open(path('file/x')), refusal(`a directory above ${path('file/x')} is a file. ${give}`))
  await assert.rejects(open(path('loop')), { code: 'FN_SOURCE_UNREADABLE', message: /loop: ELOOP/ })
  assert.equal(openFiles(), before)
})

test('a missing file that should be complete is refused', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  await assert.rejects(open(path, { once: true }), refusal(`${path} does not exist`))
})

test('a file that may not be read is refused with what to do', options, async (t) => {
  const directory = workspace(t)
  chmodSync(directory, 0o755)
  const path = join(directory, 'input.txt')
  writeFileSync(path, 'a\n', { mode: 0 })
  const advice = "Let this process's user read it and search the directories above it (EACCES)"
  await unprivileged(() => assert.rejects(open(path), refusal(`${path} may not be read. ${advice}`)))
  chmodSync(directory, 0)
  await unprivileged(() => assert.rejects(open(path), refusal(`${path} may not be read. ${advice}`)))
  chmodSync(directory, 0o755)
})

test('a new file may be unreadable while it is being made, but not for longer', options, async (t) => {
  const directory = workspace(t)
  chmodSync(directory, 0o777)
  const path = join(directory, 'input.txt')
  writeFileSync(path, 'a\n')
  const patient = await reading(t, path, { rotateGraceMs: 60_000, pollMs: 5 })
  const strict = await reading(t, path, { rotateGraceMs: 20, pollMs: 5 })
  await patient.until(1)
  await strict.until(1)
  await unprivileged(async () => {
    renameSync(path, `${path}.1`)
    writeFileSync(path, 'b\n', { mode: 0 })
    const read = patient.step()
    await assert.rejects(strict.until(2), { code: 'FN_SOURCE_UNREADABLE', message: /may not be read/ })
    chmodSync(path, 0o644)
    await t.waitFor(() => assert.equal(patient.log.lines.length, 1), { interval: 1, timeout: 5000 })
    await patient.source.close()
    assert.equal(await read, false)
  })
})

test('a directory that takes the place of the file is refused', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\n')
  const reader = await reading(t, path)
  await reader.until(1)
  const read = reader.until(2)
  renameSync(path, `${path}.1`)
  mkdirSync(path)
  appendFileSync(`${path}.1`, '')
  await assert.rejects(read, { code: 'FN_SOURCE_UNREADABLE', message: /is a directory/ })
})
