/**
 * `kedafn`: the composition root of the operator's commands. The only place of `cli/` that reads the environment and the
 * arguments, handles signals and ends the process.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { isatty } from 'node:tty'
import type { Output } from './command.ts'
import { entries } from './commands.ts'
import { run } from './run.ts'

const { stdout, stderr, env } = process
const defaultWidth = 80
/** npm hands over once more a Ctrl-C that reached this process anyway: that is no second one. */
const sameSignalMs = 250
const interruptedCode = 130

const stop = new AbortController()
let firstAt = 0
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!stop.signal.aborted) {
      firstAt = performance.now()
      stop.abort(new Error(`stopped by ${signal}`))
    } else if (performance.now() - firstAt > sameSignalMs) process.exit(interruptedCode)
  })
}

/** n.b. A reader that is gone, such as `head`, has what it wanted: no error, and nothing more to write. */
let readerIsGone = false
function outputTo(stream: NodeJS.WriteStream): Output {
  stream.on('error', () => {
    readerIsGone = true
    stop.abort(new Error('nobody reads the output any more'))
  })
  return {
    write: (chunk) =>
      new Promise((resolve) => {
        if (readerIsGone) resolve()
        else stream.write(chunk, () => resolve())
      }),
  }
}

async function ask(question: string): Promise<string | null> {
  if (!isTerminal.stdin) return null
  const terminal = createInterface({ input: process.stdin, output: stderr })
  try {
    return await terminal.question(question, { signal: stop.signal })
  } catch {
    return null
  } finally {
    terminal.close()
  }
}

/** n.b. The runtime's clock keeps no process alive: without this a command would end while it waits for a broker to come back. */
setInterval(() => {}, 60_000)

const isTerminal = { stdin: isatty(0), stdout: stdout.isTTY === true, stderr: stderr.isTTY === true }
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
/** n.b. Between two sessions with a broker nothing else may keep this process: its command is not done. */
const forEver = 2 ** 30
setInterval(() => {}, forEver)
const code = await run(entries, process.argv.slice(2), {
  // Opened by whoever reads it: a script that takes over must find it untouched.
  get stdin() {
    return process.stdin
  },
  stdout: outputTo(stdout),
  stderr: outputTo(stderr),
  isTerminal,
  width: stdout.columns || stderr.columns || defaultWidth,
  colour: isTerminal.stdout && env.TERM !== 'dumb' && !env.NO_COLOR,
  env,
  cwd: process.cwd(),
  signal: stop.signal,
  now: Date.now,
  ask,
  version,
})
process.exit(readerIsGone && code === interruptedCode ? 0 : code)
