import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { hasDocker, startDockerBroker } from '../../dev/broker/docker.ts'
import { Programs } from './programs.ts'

const poll = { interval: 10, timeout: 20_000 }

/** A container: answers as a broker does on both published ports until it is stopped. */
const container = `
import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'
import { renameSync, writeFileSync } from 'node:fs'
const [amqp, management, pidPath] = process.argv.slice(2)
createServer((socket) => socket.on('data', () => socket.write('\\x01')).on('error', () => {})).listen(Number(amqp), '127.0.0.1')
createHttp((_, response) => response.end('{"rabbitmq_version":"4.2.1"}')).listen(Number(management), '127.0.0.1', () => {
  // Whoever waits for the file must not find it empty.
  writeFileSync(pidPath + '.new', String(process.pid))
  renameSync(pidPath + '.new', pidPath)
})
`

/** A Docker whose container is a process. \`docker wait\` ends with it. */
const docker = `
case "$1" in
  info) exit 0 ;;
  run)
    amqp=$(printf '%s' "$*" | sed 's/.*127.0.0.1:\\([0-9]*\\):5672.*/\\1/')
    management=$(printf '%s' "$*" | sed 's/.*127.0.0.1:\\([0-9]*\\):15672.*/\\1/')
    rm -f "$folder/pid"
    '${process.execPath}' "$folder/container.mjs" "$amqp" "$management" "$folder/pid" > /dev/null 2>&1 &
    echo 0123456789abcdef ;;
  stop | rm) [ ! -e "$folder/pid" ] || kill "$(cat "$folder/pid")" 2> /dev/null; exit 0 ;;
  wait)
    until [ -e "$folder/pid" ] || [ ! -d "$folder" ]; do sleep 0.02; done
    while kill -0 "$(cat "$folder/pid")" 2> /dev/null; do sleep 0.02; done ;;
esac`

function machine(t: TestContext, script = docker) {
  const programs = new Programs(t)
  programs.add('docker', script)
  writeFileSync(programs.path('container.mjs'), container)
  const said: string[] = []
  const { folder, env } = programs
  const options = { folder, env, say: (line: string) => void said.push(line), signal: undefined, fresh: false }
  const calls = () => readFileSync(programs.path('calls'), 'utf8').trimEnd().split('\n')
  const isRunning = () => {
    if (!existsSync(programs.path('pid'))) return false
    try {
      process.kill(Number(readFileSync(programs.path('pid'), 'utf8')), 0)
      return true
    } catch {
      return false
    }
  }
  return { programs, options, said, calls, isRunning }
}

test('a Docker whose daemon does not answer is no Docker', async (t) => {
  assert.equal(await hasDocker(machine(t).programs.env), true)
  assert.equal(
    await hasDocker(machine(t, 'echo "Cannot connect to the Docker daemon" >&2; exit 1').programs.env),
    false,
  )
  assert.equal(await hasDocker({ PATH: '/nowhere' }), false)
})

test('the container publishes its ports on 127.0.0.1 only, and is stopped by its id', async (t) => {
  const { options, said, calls, isRunning } = machine(t)
  const broker = await startDockerBroker(options)
  assert.match(broker.description, /^RabbitMQ 4\.2\.1, in Docker, 127\.0\.0\.1:\d+$/)
  assert.equal(broker.url, `amqp://guest:guest@${broker.description.split(', ').at(-1)}`)
  const run = calls().find((call) => call.startsWith('docker run ')) ?? ''
  const published = [...run.matchAll(/--publish (\S+)/g)].map(([, port]) => port)
  assert.equal(published.length, 2)
  for (const port of published) assert.match(port ?? '', /^127\.0\.0\.1:/)
  assert.equal(said.length, 1)
  await broker.stop()
  await t.waitFor(() => assert.ok(!isRunning()), poll)
  assert.ok(calls().some((call) => /^docker stop .*0123456789abcdef$/.test(call)))
})

test('a container that is started again has its ports, its name and its volume again', async (t) => {
  const { options, calls } = machine(t)
  const broker = await startDockerBroker(options)
  const { url, managementUrl } = broker
  await broker.restart()
  assert.deepEqual({ url: broker.url, managementUrl: broker.managementUrl }, { url, managementUrl })
  await broker.stop()
  const runs = calls().filter((call) => call.startsWith('docker run '))
  assert.equal(runs.length, 2)
  assert.equal(runs[0], runs[1])
  assert.match(runs[0] ?? '', /--hostname \S+ .*--volume (kedafn-\w+):/)
})

test('the container of a run that was killed is removed before', async (t) => {
  const { options, calls } = machine(t)
  const broker = await startDockerBroker(options)
  await broker.stop()
  const [, name] = /--name (\S+)/.exec(calls().find((call) => call.startsWith('docker run ')) ?? '') ?? []
  assert.equal(calls()[0], `docker rm --force ${name}`)
})

test('a container that ends by itself is noticed', async (t) => {
  const { programs, options } = machine(t)
  const broker = await startDockerBroker(options)
  process.kill(Number(readFileSync(programs.path('pid'), 'utf8')), 'SIGKILL')
  await broker.ended
  await broker.stop()
})

test('what Docker says of a failure is passed on', async (t) => {
  const failing = 'case "$1" in run) echo "no space left on device" >&2; exit 125 ;; esac'
  await assert.rejects(startDockerBroker(machine(t, failing).options), /docker run .*no space left on device/)
})

test('given up while the image is downloaded, no container is left', async (t) => {
  const stop = new AbortController()
  const slow = 'case "$1" in run) touch "$folder/begun"; exec sleep 60 ;; esac'
  const { programs, options, calls } = machine(t, slow)
  const starting = assert.rejects(startDockerBroker({ ...options, signal: stop.signal }), /given up/)
  await t.waitFor(() => assert.ok(existsSync(programs.path('begun'))), poll)
  stop.abort(new Error('given up'))
  await starting
  assert.match(calls().at(-1) ?? '', /^docker rm --force kedafn-/)
})
