import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askManagement } from '../../dev/broker/management.ts'
import { ownBroker } from '../support/broker.ts'
import { FunctionProcess } from '../support/function-process.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { bundles, compareLines } from '../support/workspace.ts'

export interface LongRun extends ReturnType<typeof compareLines> {
  readonly lines: number
  readonly faults: number
  readonly seconds: number
  readonly exitCodes: readonly (number | null)[]
}

/**
 * Lines from a file through the queue into a file, while the broker closes all connections, is stopped and started, and the
 * network cuts all connections in the middle of a frame: each once, a quarter of the way after the other.
 */
export async function longRun(count: number, say: (line: string) => void): Promise<LongRun> {
  const own = await ownBroker()
  const proxy = await TcpProxy.to(own.url)
  const built = await bundles()
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-long-')))
  const path = (name: string) => join(folder, name)
  const lines = Array.from({ length: count }, (_, i) => `line ${String(i).padStart(8, '0')}`)
  writeFileSync(path('input.txt'), `${lines.join('\n')}\n`)
  const env = {
    AMQP_URL: proxy.via(own.url),
    INPUT_PATH: path('input.txt'),
    OUTPUT_PATH: path('output.txt'),
    KEDAFN_CHECKPOINT_PATH: path('checkpoint'),
  }
  const begun = performance.now()
  await using consumer = new FunctionProcess(built.of('log-consumer'), env, folder)
  await using producer = new FunctionProcess(built.of('log-producer'), { ...env, KEDAFN_ONCE: 'true' }, folder)
  const done = () => (consumer.counters?.acked ?? 0) + (consumer.counters?.repeated ?? 0)
  const faults = [
    () => askManagement(own.managementUrl, { method: 'DELETE', path: 'connections/username/guest' }),
    async () => {
      await own.broker.stop()
      await own.broker.restart()
    },
    async () => proxy.resetAfter(300, 'client'),
  ]
  try {
    for (const [index, fault] of faults.entries()) {
      const from = (count * (index + 1)) / 4
      await consumer.until(`${from} lines are through`, () => done() >= from)
      say(`fault ${index + 1} of ${faults.length} after ${done()} lines`)
      await fault()
    }
    const exits = [await producer.exited]
    await consumer.until('all lines are through', () => done() >= count)
    const seconds = (performance.now() - begun) / 1000
    consumer.kill('SIGTERM')
    exits.push(await consumer.exited)
    const seen = readFileSync(path('output.txt'), 'latin1').replace(/\n$/, '').split('\n')
    const exitCodes = exits.map(({ code }) => code)
    return { lines: count, faults: faults.length, seconds, exitCodes, ...compareLines(lines, seen) }
  } finally {
    await proxy[Symbol.asyncDispose]()
    built.dispose()
    await own.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}
