import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { connect } from 'amqplib'
import { openVhost } from '../support/broker.ts'
import { send } from '../support/queues.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

const vhost = await openVhost('process-drain')
after(() => vhost.dispose())

const running = 500
const source = `import { appendFileSync } from 'node:fs'
  import { setTimeout } from 'node:timers/promises'
  import { defineConsumer, each, text } from '#runtime'
  export default defineConsumer({ queue: 'patient', decode: text, concurrency: ${running}, env: { OUTPUT_PATH: {}, HANDLER_MS: {} },
    handle: each(async (delivery, ctx) => {
      appendFileSync(ctx.env.OUTPUT_PATH, 'begin ' + delivery.body + ' ' + delivery.attempt + '\\n')
      await setTimeout(Number(ctx.env.HANDLER_MS), undefined, { signal: ctx.signal })
      appendFileSync(ctx.env.OUTPUT_PATH, 'end ' + delivery.body + '\\n')
    }) })`

test('a drain with 1,000 in hand: what runs is finished, once, and the rest is in the queue at once, without an attempt', async (t) => {
  const repository = copyRepository(t)
  repository.write('functions/patient/function.ts', source)
  const built = await bundles(repository.root, ['patient'])
  t.after(() => built.dispose())
  const work = new Workspace(t, vhost.url)
  const patient = work.start(built.of('patient'), { KEDAFN_GRACE_MS: '10000', HANDLER_MS: '5000' })
  await patient.logged('consuming')
  const begunLines = () => work.lines().filter((line) => line.startsWith('begin '))
  await send(
    vhost.url,
    'patient',
    Array.from({ length: 2 * running }, (_, i) => `m${i}`),
  )
  await patient.until('it holds 1,000', () => patient.counters?.received === 2 * running)
  assert.equal(begunLines().length, running)

  const connection = await connect(vhost.url, { noDelay: true })
  t.after(() => connection.close())
  const channel = await connection.createChannel()
  const waiting = async () => (await channel.checkQueue('patient')).messageCount
  const signalled = performance.now()
  patient.kill('SIGTERM')
  let backMs = Number.NaN
  await t.waitFor(
    async () => {
      assert.equal(await waiting(), running)
      backMs = performance.now() - signalled
    },
    { interval: 5, timeout: 4000 },
  )
  t.diagnostic(`${running} are back ${Math.round(backMs)} ms after SIGTERM`)
  assert.deepEqual(await patient.exited, { code: 0, signal: null })
  assert.equal(work.lines().filter((line) => line.startsWith('end ')).length, running)
  assert.equal(await waiting(), running)
  // Well before the handlers end; how fast this machine is at the moment is another matter.
  assert.ok(backMs < 1000, `${backMs} ms`)

  const rest = work.start(built.of('patient'), { HANDLER_MS: '0' })
  await rest.until('the rest is done', () => rest.counters?.acked === running)
  rest.kill('SIGTERM')
  assert.deepEqual(await rest.exited, { code: 0, signal: null })
  const begun = begunLines().map((line) => line.split(' '))
  assert.equal(new Set(begun.map(([, body]) => body)).size, 2 * running)
  assert.equal(begun.length, 2 * running)
  assert.deepEqual(new Set(begun.map(([, , attempt]) => attempt)), new Set(['1']))
})
