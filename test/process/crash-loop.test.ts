import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openVhost } from '../support/broker.ts'
import { ready, send, take } from '../support/queues.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

const vhost = await openVhost('process-crash-loop')
after(() => vhost.dispose())

test('a delivery that kills its process ends dead with that cause; its neighbours are handled, and none of them is dead', async (t) => {
  const repository = copyRepository(t)
  repository.write(
    'functions/fragile/function.ts',
    `import { appendLines, defineConsumer, text } from '#runtime'
     export default defineConsumer({ queue: 'fragile', decode: text, batch: { size: 10 }, env: { OUTPUT_PATH: {} },
       setup: (ctx) => appendLines(ctx.env.OUTPUT_PATH),
       handle: async (batch, _ctx, output) => {
         if (batch.some((delivery) => delivery.body === 'poison')) process.kill(process.pid, 'SIGKILL')
         await output.append(batch.map((delivery) => delivery.body))
       } })`,
  )
  const built = await bundles(repository.root, ['fragile'])
  t.after(() => built.dispose())
  const work = new Workspace(t, vhost.url)
  const bodies = Array.from({ length: 60 }, (_, i) => (i === 30 ? 'poison' : `line ${i}`))

  const first = work.start(built.of('fragile'))
  await first.logged('consuming')
  first.kill('SIGTERM')
  await first.exited
  await send(vhost.url, 'fragile', bodies)

  let lives = 0
  for (;;) {
    lives++
    assert.ok(lives <= 15, 'it dies for ever')
    const life = work.start(built.of('fragile'))
    const dead = life.until('the poison is dead', () => life.counters?.dead === 1).then(() => true)
    const died = life.exited.then(() => false)
    dead.catch(() => {})
    if (await Promise.race([dead, died]).catch(() => false)) {
      await t.waitFor(() => assert.equal(new Set(work.lines()).size, 59), { interval: 20, timeout: 20_000 })
      life.kill('SIGTERM')
      assert.deepEqual(await life.exited, { code: 0, signal: null })
      break
    }
  }
  assert.deepEqual(new Set(work.lines()), new Set(bodies.filter((body) => body !== 'poison')))
  assert.equal(await ready(vhost.url, 'fragile'), 0)
  // More than one copy if it died between a confirmed move and its ack: at least once holds for dead letters too.
  const copies = await ready(vhost.url, 'fragile.dead')
  assert.ok(copies >= 1)
  for (const { body, headers } of await take(vhost.url, 'fragile.dead', copies)) {
    assert.equal(String(body), 'poison')
    assert.equal(headers['kedafn-code'], 'FN_CRASH_LOOP')
  }
  t.diagnostic(`${lives} lives`)
})
