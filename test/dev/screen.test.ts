import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import type { WriteStream } from 'node:tty'
import { Screen } from '../../dev/screen.ts'
import type { Snapshot } from '../../dev/status.ts'

const snapshot = (written: number): Snapshot => ({
  queues: [{ name: 'q', ready: 0, unacked: 0, retrying: 0, consumers: 1, wanted: 1 }],
  ...{ sent: 0, confirmed: 0, written, dead: 0, restarts: 0, linesPerSecond: 0, waitedMs: null, phase: null },
})

/** A screen whose output the test reads; both streams go to one place, as on a terminal. */
function screenOf({ columns, colour = false }: { columns: number | null; colour?: boolean }) {
  let text = ''
  const shown = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  let now = 0
  const terminal = columns === null ? null : (Object.assign(shown, { columns }) as unknown as WriteStream)
  const screen = new Screen({ out: shown, err: shown, terminal, colour, now: () => now })
  return {
    screen,
    /** What came since the last call. */
    read() {
      const read = text
      text = ''
      return read
    },
    pass: (ms: number) => {
      now += ms
    },
  }
}

const clear = '\r\u001b[2K'

test('on a terminal the status is rewritten in place, and only when it changes', () => {
  const { screen, read } = screenOf({ columns: 16 })
  screen.status(snapshot(1))
  assert.equal(read(), `${clear}written 1`)
  screen.status(snapshot(1))
  assert.equal(read(), '')
  screen.status(snapshot(2))
  assert.equal(read(), `${clear}written 2`)
})

test('lines go above the status', () => {
  const { screen, read } = screenOf({ columns: 16 })
  screen.say('before')
  screen.status(snapshot(1))
  screen.warn('careful')
  screen.endStatus()
  screen.say('after')
  assert.equal(read(), `before\n${clear}written 1${clear}careful\nwritten 1\nafter\n`)
})

test('the last column stays free, or the terminal would wrap', () => {
  const { screen, read } = screenOf({ columns: 9 })
  screen.status(snapshot(1))
  assert.equal(read(), `${clear}written `)
})

test('without a terminal there is one line per change and the last one always', () => {
  const { screen, read, pass } = screenOf({ columns: null })
  screen.status(snapshot(1))
  pass(500)
  screen.status(snapshot(2))
  screen.say('between')
  pass(100)
  screen.status(snapshot(3))
  screen.endStatus()
  const line = (written: number) =>
    `q: 0 ready, 0 unacked  sent 0  confirmed 0  written ${written}  0 lines/s  1 consumer\n`
  assert.equal(read(), `${line(1)}between\n${line(3)}`)
})

test('colours are there only if they are asked for', () => {
  for (const colour of [true, false]) {
    const { screen, read } = screenOf({ columns: null, colour })
    screen.warn('w')
    screen.error('e')
    assert.equal(read(), colour ? '\u001b[33mw\u001b[39m\n\u001b[31me\u001b[39m\n' : 'w\ne\n')
  }
})
