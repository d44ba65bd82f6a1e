/**
 * Real lines of this machine through `npm start -- --once`, byte for byte, and the same while the broker is stopped and
 * started twice. `node bench/real-lines.ts --lines 200000 --bytes 20000000`
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type BrokerHandle, provideBroker } from '../dev/broker.ts'
import { sha256, writeRealInput } from './input.ts'

const { values } = parseArgs({
  options: { lines: { type: 'string', default: '200000' }, bytes: { type: 'string', default: '20000000' } },
})
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const root = join(import.meta.dirname, '..')
const folder = await mkdtemp(join(tmpdir(), 'kedafn-real-lines-'))
const input = join(folder, 'input.txt')

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0

/** Runs `npm start` to its end; fails unless it ends with 0 and the output is the input. */
async function run(
  output: string,
  env: Record<string, string>,
  meanwhile: (output: string) => Promise<void>,
): Promise<void> {
  const begun = performance.now()
  const args = ['start', '--', '--input', input, '--output', output, '--once']
  const child = spawn('npm', args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [[code]] = await Promise.all([once(child, 'exit'), meanwhile(output)])
  if (code !== 0) throw new Error(`npm start ended with exit code ${code}`)
  const [wanted, seen] = [await sha256(input), await sha256(output)]
  say(
    `sha256 input  ${wanted}\nsha256 output ${seen}\n${((performance.now() - begun) / 1000).toFixed(1)} s with start and end`,
  )
  if (wanted !== seen) throw new Error('the output differs from the input')
}

/** Stops and starts the broker when a third and two thirds of the output are there. */
async function stopTwice(broker: BrokerHandle, output: string): Promise<void> {
  const total = await sizeOf(input)
  for (const part of [1 / 3, 2 / 3]) {
    while ((await sizeOf(output)) < total * part) await new Promise((resolve) => setTimeout(resolve, 20))
    say(`broker stopped at ${await sizeOf(output)} of ${total} bytes`)
    await broker.stop()
    await broker.restart()
    say('broker started')
  }
}

try {
  const made = await writeRealInput(input, Number(values.lines), Number(values.bytes))
  say(`${made.lines} lines, ${made.bytes} bytes\n\n# undisturbed`)
  await run(join(folder, 'undisturbed.txt'), {}, async () => {})
  say('\n# while the broker is stopped and started twice')
  const broker = await provideBroker({ stateDir: join(folder, 'state'), env: {}, say })
  try {
    await run(join(folder, 'disturbed.txt'), { AMQP_URL: broker.url }, (output) => stopTwice(broker, output))
  } finally {
    await broker.stop()
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
