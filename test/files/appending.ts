/** A process that appends to a file, started by the tests: `appending.ts many|full PATH NAME`. */
import { readFileSync, truncateSync } from 'node:fs'
import { appendLines } from '../../runtime/files/append.ts'

const [mode, path = '', name = ''] = process.argv.slice(2)

const batch = (from: number): string[] =>
  Array.from({ length: 100 }, (_, i) => `${name} ${from + i} ${'x'.repeat((from + i) % 211)} end`)

/** 10000 lines in batches of 100, two at once. */
async function many(): Promise<void> {
  await using sink = await appendLines(path)
  for (let from = 0; from < 10_000; from += 200)
    await Promise.all([sink.append(batch(from)), sink.append(batch(from + 100))])
}

/** Appends under a limit of the file's size until that is reached; then the file is emptied and the failed batch tried again. */
async function full(): Promise<void> {
  process.on('SIGXFSZ', () => {})
  await using sink = await appendLines(path)
  let from = 0
  const failure = await (async () => {
    for (; from < 1_000_000; from += 100) {
      const failed = await sink.append(batch(from)).then(
        () => null,
        (error: Error) => error,
      )
      if (failed) return failed
    }
    return null
  })()
  const left = readFileSync(path, 'utf8')
  truncateSync(path)
  await sink.append(batch(from))
  process.send?.({ from, message: failure?.message, left, retried: readFileSync(path, 'utf8') })
}

await (mode === 'many' ? many() : full())
