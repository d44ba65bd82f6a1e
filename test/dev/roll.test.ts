import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import type { Repository } from '../tooling/repository.ts'
import { slowRepository } from './slow-repository.ts'
import { childrenOf, noneLeft } from './started.ts'

const poll = { interval: 50, timeout: 60_000 }
const consumer = 'functions/log-consumer/function.ts'
const producer = 'functions/log-producer/function.ts'

/** Each process does one batch and holds the next, in hand, as long as there is the file `hold`: however slow the machine, work is left. */
function holdAfterOne(repository: Repository): void {
  const text = repository
    .read(consumer)
    .replace('export default', "import { existsSync } from 'node:fs'\nlet batches = 0\nexport default")
    .replace(/await (new Promise\(.*)/, "if (batches++ > 0) while (existsSync('hold')) await $1")
  repository.write(consumer, text)
  repository.write('hold', '')
}

/** What each process of the consumer has logged. */
const logsOf = (repository: Repository): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(repository.path('.kedafn/logs'))
      .filter((name) => name.startsWith('log-consumer-'))
      .map((name) => [name, repository.read(`.kedafn/logs/${name}`)]),
  )

test('an edited function is built again and rolled under load: new processes start, old ones drain, and no line is lost or comes twice', async (t) => {
  const { repository, start } = await slowRepository(t, { value: 700, msPerLine: 5 })
  holdAfterOne(repository)
  const lines = Array.from({ length: 2000 }, (_, i) => `line ${i}`)
  repository.write('input.txt', `${lines.join('\n')}\n`)
  const started = start(['--fast', '10', '--no-page'], { KEDAFN_GRACE_MS: '240000' })
  const written = () => repository.read('output.txt').split('\n').slice(0, -1)
  await started.printed(/[3-9] consumers/)
  await t.waitFor(() => assert.ok(written().length >= 5), poll)

  const old = [...logsOf(repository).keys()]
  const before = repository.read(consumer)
  repository.write(consumer, before.replace('({ body }) => body', '({ body }) => `new $' + '{body}`'))
  await started.printed(/^log-consumer was edited: new processes start, old ones drain$/m)
  await t.waitFor(() => {
    const logs = logsOf(repository)
    for (const name of old) assert.match(logs.get(name) ?? '', /told to stop/)
  }, poll)
  rmSync(repository.path('hold'))
  await t.waitFor(() => assert.equal(written().length, lines.length), poll)
  const byOld = written().filter((line) => line.startsWith('line ')).length
  assert.ok(byOld > 0 && byOld < lines.length, `${byOld} were written by the old one`)
  const sorted = (all: readonly string[]) => all.map((line) => line.replace('new ', '')).sort()
  assert.deepEqual(sorted(written()), sorted(lines))
  assert.equal(started.err, '', 'a process ended otherwise than by a drain')

  repository.write(producer, repository.read(producer).replace('body: line.text', 'body: `p $' + '{line.text}`'))
  await started.printed(/^log-producer was edited/m)
  appendFileSync(repository.path('input.txt'), 'last\n')
  await t.waitFor(() => assert.match(written().join('\n'), /^new (p )?last$/m), poll)

  repository.write(consumer, 'export default {')
  await started.warned(/^log-consumer goes on as it was, its edit cannot be built:\n/m)
  repository.write(consumer, before.replace("queue: 'logs'", "queue: 'others'"))
  await started.warned(/^log-consumer goes on as it was: queue and .* changed, which takes a new npm start$/m)
  appendFileSync(repository.path('input.txt'), 'after all\n')
  await t.waitFor(() => assert.match(written().join('\n'), /^new p after all$/m), poll)
  // The bundler holds as much memory as a function does.
  await t.waitFor(() => assert.doesNotMatch(childrenOf(started.child.pid).join('\n'), /esbuild/), poll)
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  await noneLeft(t, repository)
})
