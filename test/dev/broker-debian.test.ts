import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type DebianPackage, installPackage, rabbitServer } from '../../dev/broker/debian-package.ts'
import { Programs } from './programs.ts'

interface Options {
  readonly aptGet?: string
  readonly policy?: string
  readonly systemd?: boolean
  readonly units?: readonly string[]
  readonly signal?: AbortSignal
  readonly wanted?: DebianPackage
}

/** A Debian in a folder: its apt-get, and the places that matter. */
function debian(t: TestContext, options: Options) {
  const { aptGet = 'exit 0', policy, systemd = false, units = [], signal, wanted = rabbitServer } = options
  const programs = new Programs(t)
  programs.add('apt-get', aptGet)
  programs.add('systemctl', 'exit 0')
  programs.add('update-rc.d', 'exit 0')
  const places = {
    policyPath: programs.path('policy-rc.d'),
    systemdPath: programs.path('systemd'),
    unitsFolder: programs.path('units'),
  }
  mkdirSync(places.unitsFolder)
  if (policy !== undefined) writeFileSync(places.policyPath, policy)
  if (systemd) mkdirSync(places.systemdPath)
  for (const unit of units) writeFileSync(programs.path('units', unit), '')
  const said: string[] = []
  const logPath = programs.path('install.log')
  const install = () =>
    installPackage({ wanted, env: programs.env, logPath, say: (line) => void said.push(line), signal, places })
  const calls = () =>
    existsSync(programs.path('calls')) ? readFileSync(programs.path('calls'), 'utf8').split('\n') : []
  return { programs, places, said, install, calls }
}

/** Notes whether services may start while the package is installed. */
const notesPolicy = `
case "$*" in *--download-only*|update*) exit 0 ;; esac
"$folder/policy-rc.d" rabbitmq-server start; echo $? > "$folder/answer"
`

test('the package is installed in a while in which no service may start, and is announced in one line', async (t) => {
  const { programs, places, said, install, calls } = debian(t, { aptGet: notesPolicy })
  await install()
  assert.equal(readFileSync(programs.path('answer'), 'utf8'), '101\n')
  assert.ok(!existsSync(places.policyPath))
  assert.equal(said.length, 1)
  assert.match(said[0] ?? '', /^[^\n]*rabbitmq-server[^\n]*install\.log[^\n]*$/)
  assert.ok(calls().some((call) => /^apt-get install -y .*--no-install-recommends rabbitmq-server$/.test(call)))
})

test('package lists are fetched only if the package is not found without', async (t) => {
  const fresh = debian(t, {})
  await fresh.install()
  assert.ok(!fresh.calls().includes('apt-get update -q'))
  const stale = debian(t, {
    aptGet: '[ "$1" != update ] || { touch "$folder/lists"; exit 0; }\n[ -e "$folder/lists" ] || exit 100',
  })
  await stale.install()
  assert.ok(stale.calls().includes('apt-get update -q'))
})

test("a machine's own policy stays as it is", async (t) => {
  const { places, install } = debian(t, { policy: '#!/bin/sh\nexit 101\n' })
  await install()
  assert.equal(readFileSync(places.policyPath, 'utf8'), '#!/bin/sh\nexit 101\n')
})

test('a policy of ours that a power cut left behind is taken away', async (t) => {
  const first = debian(t, {
    aptGet: 'case "$*" in *--download-only*) exit 0 ;; esac\ncp "$folder/policy-rc.d" "$folder/kept"',
  })
  await first.install()
  const { places, install } = debian(t, { policy: readFileSync(first.programs.path('kept'), 'utf8') })
  await install()
  assert.ok(!existsSync(places.policyPath))
})

const failing = 'echo "E: the disk is full"\ncase "$*" in *--download-only*) exit 0 ;; esac\nexit 100'

test('a failed installation shows the last lines of its log and what to type, and leaves no policy', async (t) => {
  const { places, install } = debian(t, { aptGet: failing })
  await assert.rejects(install(), /apt-get update && apt-get install rabbitmq-server[^\n]*\n {2}E: the disk is full/)
  assert.ok(!existsSync(places.policyPath))
})

test('a failed download is not followed by an installation', async (t) => {
  const { install, calls } = debian(t, { aptGet: 'echo "E: no network"\nexit 100' })
  await assert.rejects(install(), /E: no network/)
  assert.ok(calls().every((call) => call === '' || /--download-only|update/.test(call)))
})

test('systemd is told not to start what was installed, but keeps what was there before', async (t) => {
  const { install, calls } = debian(t, { systemd: true, units: ['epmd.service', 'epmd.socket'] })
  await install()
  assert.ok(calls().includes('systemctl disable --now rabbitmq-server.service'))
})

test('without systemd the boot scripts are told', async (t) => {
  const { install, calls } = debian(t, {})
  await install()
  assert.ok(calls().includes('update-rc.d rabbitmq-server disable'))
})

test('given up while it downloads, nothing is installed', async (t) => {
  const stop = new AbortController()
  const { programs, install, calls } = debian(t, {
    aptGet: 'touch "$folder/begun"\nexec sleep 60',
    signal: stop.signal,
  })
  const installing = assert.rejects(install(), /given up/)
  await t.waitFor(() => assert.ok(existsSync(programs.path('begun'))), { interval: 10, timeout: 20_000 })
  stop.abort(new Error('given up'))
  await installing
  assert.equal(calls().filter(Boolean).length, 1)
})

test('given up while it installs, the installation is finished first', async (t) => {
  const stop = new AbortController()
  const { programs, places, install } = debian(t, {
    aptGet: `case "$*" in *--download-only*) exit 0 ;; esac
touch "$folder/begun"
until [ -e "$folder/go" ]; do sleep 0.02; done
touch "$folder/finished"`,
    signal: stop.signal,
  })
  const installing = assert.rejects(install(), /given up/)
  await t.waitFor(() => assert.ok(existsSync(programs.path('begun'))), { interval: 10, timeout: 20_000 })
  stop.abort(new Error('given up'))
  writeFileSync(programs.path('go'), '')
  await installing
  assert.ok(existsSync(programs.path('finished')))
  assert.ok(!existsSync(places.policyPath))
})
