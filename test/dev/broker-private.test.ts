import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { endLeftOver } from '../../dev/broker/left-over.ts'
import { provideBroker } from '../../dev/broker.ts'
import { ownBroker } from '../support/broker.ts'
import { Programs } from './programs.ts'

const poll = { interval: 20, timeout: 60_000 }
const env = { PATH: process.env.PATH, HOME: process.env.HOME }
const owner = fileURLToPath(new URL('broker-owner.ts', import.meta.url))

function stateFolder(t: TestContext): string {
  // Blanks and letters beyond ASCII, as homes may have them.
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-broker-')))
  t.after(() => rmSync(base, { recursive: true, force: true }))
  const stateDir = join(base, 'ein Ordner für Ärger')
  mkdirSync(stateDir)
  return stateDir
}

const pidIn = (stateDir: string): number => Number(readFileSync(join(stateDir, 'broker', 'pid'), 'utf8'))

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function withChannel<T>(url: string, use: (channel: Awaited<ReturnType<typeof openChannel>>) => Promise<T>) {
  const connection = await connect(url, { noDelay: true })
  try {
    return await use(await openChannel(connection))
  } finally {
    await connection.close()
  }
}
const openChannel = (connection: Awaited<ReturnType<typeof connect>>) => connection.createConfirmChannel()

async function send(url: string, body: string): Promise<void> {
  await withChannel(url, async (channel) => {
    await channel.assertQueue('kept', { arguments: { 'x-queue-type': 'quorum' } })
    channel.sendToQueue('kept', Buffer.from(body), { persistent: true })
    await channel.waitForConfirms()
  })
}

const receive = (url: string): Promise<string | null> =>
  withChannel(url, async (channel) => {
    const message = await channel.get('kept', { noAck: true })
    return message ? message.content.toString() : null
  })

const listenersOf = (kind: string): string[][] =>
  readFileSync(`/proc/net/${kind}`, 'utf8')
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state]) => state === '0A')
    .map(([, local = '']) => local.split(':'))

/** The addresses, in hexadecimal, at which one of these ports is listened on. */
const addressesOf = (ports: readonly number[]): string[] =>
  ['tcp', 'tcp6']
    .filter((kind) => existsSync(`/proc/net/${kind}`))
    .flatMap(listenersOf)
    .filter(([, port = '']) => ports.includes(Number.parseInt(port, 16)))
    .map(([address = '']) => address)

test('through a stop, a crash and restarts a broker keeps its ports and what it confirmed', async () => {
  await using own = await ownBroker()
  const { broker, stateDir, url, managementUrl } = own
  assert.match(broker.description, /^rabbitmq-server \d+\.\d+\.\d+, private, 127\.0\.0\.1:\d+$/)
  if (process.platform === 'linux') {
    const ports: number[] = Object.values(JSON.parse(readFileSync(join(stateDir, 'broker', 'ports.json'), 'utf8')))
    assert.deepEqual(addressesOf(ports), ['0100007F', '0100007F', '0100007F'], 'loopback only, and no epmd')
  }
  await send(url, 'one')
  await broker.stop()
  await assert.rejects(connect(url), { code: 'ECONNREFUSED' })
  await broker.restart()
  assert.deepEqual({ url: broker.url, managementUrl: broker.managementUrl }, { url, managementUrl })
  assert.equal(await receive(url), 'one')

  await send(url, 'two')
  const crashed = broker.ended
  process.kill(pidIn(stateDir), 'SIGKILL')
  await crashed
  await broker.restart()
  assert.equal(await receive(url), 'two')
})

test('given up while it starts, a broker is gone and its folder is free', async (t) => {
  const stateDir = stateFolder(t)
  const stop = new AbortController()
  const starting = provideBroker({ stateDir, env, say: assert.fail, signal: stop.signal })
  const refused = assert.rejects(starting, /given up/)
  await t.waitFor(() => assert.ok(existsSync(join(stateDir, 'broker', 'pid'))), poll)
  stop.abort(new Error('given up'))
  await refused
  assert.ok(!isRunning(pidIn(stateDir)))
  assert.ok(!existsSync(join(stateDir, 'broker', 'lock')))
})

/** A process that provides a broker and then waits. Resolves once it has it. */
async function startOwner(t: TestContext, stateDir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [owner, stateDir], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => void child.kill('SIGKILL'))
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  assert.match(line, /^ready/)
  return child
}

test('a broker stops in good order when the process that started it is killed', async (t) => {
  const stateDir = stateFolder(t)
  const child = await startOwner(t, stateDir)
  const pid = pidIn(stateDir)
  await assert.rejects(provideBroker({ stateDir, env, say: assert.fail }), /another process runs the broker of/)
  assert.ok(isRunning(pid), 'who comes second leaves it alone')
  child.kill('SIGKILL')
  await t.waitFor(() => assert.ok(!isRunning(pid)), poll)
})

/** A process with a folder on its command line, as a broker has; its id is where the broker's would be. */
async function leftOver(t: TestContext, folder: string): Promise<ChildProcess> {
  const script = 'process.stdout.write("up"); setInterval(() => {}, 60_000)'
  const child = spawn(process.execPath, ['-e', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  writeFileSync(join(folder, 'pid'), `${child.pid}\n`)
  return child
}

test('a broker that a killed run left behind is ended, and that is said', async (t) => {
  const folder = stateFolder(t)
  const child = await leftOver(t, folder)
  const said: string[] = []
  const ended = once(child, 'exit')
  await endLeftOver(folder, env, (line) => void said.push(line))
  assert.deepEqual(await ended, [null, 'SIGTERM'])
  assert.equal(said.length, 1)
  assert.match(said[0] ?? '', new RegExp(`process ${child.pid}\\b`))
})

test("another folder's broker is none of ours, whatever id is remembered", async (t) => {
  const folder = stateFolder(t)
  const child = await leftOver(t, stateFolder(t))
  writeFileSync(join(folder, 'pid'), `${child.pid}\n`)
  await endLeftOver(folder, env, assert.fail)
  assert.ok(isRunning(child.pid ?? 0))
})

test('a server that ends while it starts is reported with its last lines', async (t) => {
  const programs = new Programs(t)
  programs.add('rabbitmq-server', 'echo "BOOT FAILED: no such luck"; exit 3')
  const stateDir = stateFolder(t)
  await assert.rejects(
    provideBroker({ stateDir, env: programs.env, say: assert.fail }),
    /rabbitmq-server\) ended with exit code 3 while it started[^\n]*:\n {2}BOOT FAILED: no such luck/,
  )
  assert.ok(!existsSync(join(stateDir, 'broker', 'lock')))
})

test('a server whose ports were taken meanwhile is tried again with others, but not for ever', async (t) => {
  const programs = new Programs(t)
  programs.add('rabbitmq-server', 'echo "Failed to start Ranch listener: eaddrinuse"; exit 1')
  await assert.rejects(provideBroker({ stateDir: stateFolder(t), env: programs.env, say: assert.fail }), /eaddrinuse/)
  const calls = readFileSync(programs.path('calls'), 'utf8').match(/^rabbitmq-server /gm)
  assert.equal(calls?.length, 3)
})

test('only a fresh broker forgets what an earlier one of its folder held', async (t) => {
  const programs = new Programs(t)
  programs.add('rabbitmq-server', 'exit 1')
  const stateDir = stateFolder(t)
  const kept = join(stateDir, 'broker', 'data', 'kept')
  mkdirSync(join(kept, '..'), { recursive: true })
  writeFileSync(kept, '')
  const start = (fresh: boolean) => provideBroker({ stateDir, env: programs.env, say: assert.fail, fresh })
  await assert.rejects(start(false))
  assert.ok(existsSync(kept))
  await assert.rejects(start(true))
  assert.ok(!existsSync(kept))
})

test('a server whose data are of another version may fail for that: it is said which', async (t) => {
  const programs = new Programs(t)
  programs.add('rabbitmq-server', 'exit 1')
  const stateDir = stateFolder(t)
  mkdirSync(join(stateDir, 'broker'))
  writeFileSync(join(stateDir, 'broker', 'version'), '3.10.8\n')
  await assert.rejects(
    provideBroker({ stateDir, env: programs.env, say: assert.fail }),
    /its data were last used by 3\.10\.8; .*delete .*broker to begin with empty queues/,
  )
})
