import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { connect } from 'amqplib'
import { Life } from '../../runtime/rabbitmq/connection.ts'
import { verifyTopology } from '../../runtime/rabbitmq/topology.ts'
import { type LogEntry, recordingLog } from '../loops/consuming.ts'
import { openVhost, ownBroker, type Vhost } from '../support/broker.ts'
import { wantedHere } from './support/doctor.ts'
import { assertGolden } from './support/golden.ts'
import { type Ended, kedafn } from './support/kedafn.ts'

const broker = await ownBroker()
after(broker.dispose)

async function place(t: TestContext): Promise<{ vhost: Vhost; env: Record<string, string> }> {
  const vhost = await openVhost('topology', broker)
  t.after(vhost.dispose)
  return { vhost, env: { AMQP_URL: vhost.url, KEDAFN_MANAGEMENT_URL: vhost.managementUrl } }
}

const shown = ({ code, stdout, stderr }: Ended, { vhost }: { vhost: Vhost }) => ({
  code,
  stderr,
  stdout: stdout.replaceAll(vhost.vhost, 'VHOST'),
})

test('what is missing is said with the command that makes it; after that command all stands', async (t) => {
  const here = await place(t)
  const before = shown(await kedafn(t, ['topology', 'diff'], here), here)
  assert.deepEqual([before.code, before.stderr], [3, ''])
  assertGolden('topology/diff-empty.txt', before.stdout)
  const asJson = shown(await kedafn(t, ['topology', 'diff', 'log-producer', '--json'], here), here)
  assert.equal(asJson.code, 3)
  assertGolden('topology/diff-empty-json.txt', asJson.stdout)
  const dry = await kedafn(t, ['topology', 'apply', '--dry-run'], here)
  assert.match(dry.stdout, /queue 'logs' would be made/)
  const made = await kedafn(t, ['topology', 'apply'], here)
  assert.deepEqual([made.code, made.stdout], [0, dry.stdout.replaceAll('would be made', 'made')])
  const again = await kedafn(t, ['topology', 'diff'], here)
  assert.deepEqual([again.code, again.stdout], [0, 'all 10 stand as the specs want them\n'])
})

test('without the management it is done over AMQP, which says what it cannot see', async (t) => {
  const here = await place(t)
  const env = { ...here.env, KEDAFN_MANAGEMENT_URL: 'http://127.0.0.1:1' }
  assert.equal((await kedafn(t, ['topology', 'diff'], { env })).code, 3)
  assert.equal((await kedafn(t, ['topology', 'apply'], { env })).code, 0)
  const { code, stdout } = await kedafn(t, ['topology', 'diff'], { env })
  assert.equal(code, 0)
  assert.match(stdout, /Not looked at.*binding of 'logs' to 'logs'/)
  assert.equal((await kedafn(t, ['topology', 'diff'], here)).code, 0, 'the bindings were made too')
})

test('apply leaves what differs and what is foreign as it is, and says so', async (t) => {
  const here = await place(t)
  const connection = await connect(here.vhost.url)
  t.after(() => connection.close().catch(() => {}))
  const channel = await connection.createChannel()
  await channel.assertQueue('logs.dead', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertQueue('foreign', { durable: true })
  await channel.sendToQueue('logs.dead', Buffer.from('kept'))
  const { code, stdout } = await kedafn(t, ['topology', 'apply'], here)
  assert.equal(code, 3)
  assert.match(stdout, /queue 'logs.dead' left as it is: x-delivery-limit is not set, expected 1000000/)
  assert.match(stdout, /queue 'logs' made/)
  await channel.checkQueue('foreign')
  assert.equal((await channel.checkQueue('logs.dead')).messageCount, 1)
  const diff = shown(await kedafn(t, ['topology', 'diff'], here), here)
  assert.equal(diff.code, 3)
  assertGolden('topology/diff-differs.txt', diff.stdout)
})

test('exported definitions are imported by rabbitmqctl, and the runtime verifies what came of them', async (t) => {
  const here = await place(t)
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-definitions-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const exported = await kedafn(t, ['topology', 'export'], here)
  assert.equal(exported.code, 0)
  assertGolden('topology/definitions.txt', shown(exported, here).stdout)
  const path = join(folder, 'definitions.json')
  writeFileSync(path, exported.stdout)
  await broker.ctl('import_definitions', path)
  const connection = await connect(here.vhost.url)
  t.after(() => connection.close().catch(() => {}))
  const entries: LogEntry[] = []
  await verifyTopology(connection, new Life(), await wantedHere(), recordingLog(entries))
  assert.equal((await kedafn(t, ['topology', 'diff'], here)).code, 0)
})

test('exported objects are those of the overlay rabbitmq-operator', async (t) => {
  const { code, stdout } = await kedafn(t, ['topology', 'export', '--format', 'crd'])
  assert.equal(code, 0)
  const overlay = readFileSync('manifests/overlays/rabbitmq-operator/topology.yaml', 'utf8')
  assert.equal(stdout, overlay.slice(overlay.indexOf('\n') + 1))
})

test('show lists what is wanted, whether it stands, and the permissions', async (t) => {
  const here = await place(t)
  await kedafn(t, ['topology', 'apply', 'log-producer'], here)
  const { code, stdout } = await kedafn(t, ['topology', 'show', '--broker'], here)
  assert.equal(code, 0)
  assertGolden('topology/show.txt', stdout)
  assertGolden('topology/show-json.txt', (await kedafn(t, ['topology', 'show', '--json'], here)).stdout)
})

test('a function that needs values first is left out unless it is named', async (t) => {
  const all = await kedafn(t, ['topology', 'export'])
  assert.doesNotMatch(all.stdout, /log-alerts/)
  assert.match((await kedafn(t, ['topology', 'export', 'log-alerts'])).stdout, /"log-alerts.retry.1000"/)
  const unknown = await kedafn(t, ['topology', 'diff', 'nothing'])
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /no function is called "nothing"/)
})
