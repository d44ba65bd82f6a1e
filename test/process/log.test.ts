import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { after, type TestContext, test } from 'node:test'
import { openVhost } from '../support/broker.ts'
import { send } from '../support/queues.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

const vhost = await openVhost('process-log')
after(() => vhost.dispose())
const token = 'tell-nobody-"7351"'

/** A handler that tells what it should not, on each level. */
async function talking(t: TestContext) {
  const repository = copyRepository(t)
  repository.write(
    'functions/talking/function.ts',
    `import { defineConsumer, text } from '#runtime'
     export default defineConsumer({ queue: 'talking', decode: text, retry: { attempts: 1 }, env: { TOKEN: { secret: true } },
       handle: (batch, { log, env }) => {
         for (const level of ['debug', 'info', 'warn', 'error']) log[level]('told ' + level, { deep: { header: ['Bearer ' + env.TOKEN] } })
         throw new Error('no answer from https://me:' + encodeURIComponent(env.TOKEN) + '@there')
       } })`,
  )
  const built = await bundles(repository.root, ['talking'])
  t.after(() => built.dispose())
  return { bundle: built.of('talking'), work: new Workspace(t, vhost.url) }
}

for (const [level, told] of [
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['error', ['error']],
] as const) {
  test(`LOG_LEVEL=${level}: one JSON line an event from there on, and no line holds a secret`, async (t) => {
    const { bundle, work } = await talking(t)
    const running = work.start(bundle, { TOKEN: token, LOG_LEVEL: level })
    await running.until('it is there', () => running.report?.state === 'running')
    await send(vhost.url, 'talking', ['one'])
    await running.until('it is dead', () => running.counters?.dead === 1)
    running.kill('SIGTERM')
    await running.exited
    const lines = running.entries.map((entry) => JSON.stringify(entry))
    assert.doesNotMatch(lines.join('\n') + running.stderr, /7351/)
    const said = running.entries.filter(({ message }) => message.startsWith('told '))
    assert.deepEqual(
      said.filter(({ message }) => message !== 'told to stop').map((entry) => [entry.level, entry.deep]),
      told.map((one) => [one, { header: ['Bearer ***'] }]),
    )
    assert.ok(lines.some((line) => line.includes('https://me:***@there')))
    assert.ok(running.entries.every((entry) => told.some((one) => one === entry.level)))
  })
}

test('on a terminal a line is for eyes: time of day, level, message, fields', async (t) => {
  if (spawnSync('script', ['--version']).error) return t.skip('there is no script(1) on this machine')
  const { bundle, work } = await talking(t)
  const command = `exec '${process.execPath}' '${bundle}'`
  const terminal = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env.PATH, AMQP_URL: vhost.url, TOKEN: token, KEDAFN_METRICS: 'off' },
    cwd: work.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let shown = ''
  terminal.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text
  })
  await t.waitFor(() => assert.match(shown, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}consuming {2}queue=talking/m), {
    interval: 20,
    timeout: 30_000,
  })
  // n.b. the terminal turns it into SIGINT.
  terminal.stdin.write('\u0003')
  await once(terminal, 'close')
  assert.match(shown, /INFO {2}told to stop {2}signal=SIGINT/)
})
