import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Fleet } from '../../dev/fleet.ts'
import type { LogTail } from '../../dev/log-tail.ts'
import { kubeletBackOff } from '../../dev/member.ts'
import { planFunctions } from '../../dev/plan.ts'
import { isPodOf } from '../../dev/pod-name.ts'
import { logPathOf, makeState, pipelineOf } from '../../dev/state.ts'
import { systemClock as clock } from '../../runtime/system/clock.ts'
import { bundleFunctions } from '../../tooling/bundle.ts'
import { discoverFunctions, inspectFunctions } from '../../tooling/functions.ts'
import { slowRepository } from './slow-repository.ts'

const poll = { interval: 20, timeout: 60_000 }

/** The fleet alone, without what decides about it. */
async function fleetOf(t: TestContext, lines: number, msPerLine: number) {
  const { repository, vhost } = await slowRepository(t, { msPerLine })
  const { root } = repository
  const input = Array.from({ length: lines }, (_, i) => `line ${i}\n`).join('')
  repository.write('input.txt', input)
  const names = discoverFunctions(root).filter((name) => name !== 'log-alerts')
  const pipeline = pipelineOf({ root, cwd: root, input: null, output: null })
  makeState(pipeline)
  await bundleFunctions({ root, outDir: repository.path('dist'), names })
  const { plans } = planFunctions(await inspectFunctions(root, names), pipeline, {
    env: { PATH: process.env.PATH, AMQP_URL: vhost.url },
    once: false,
  })
  const tails = new Map<string, LogTail>()
  const warnings: string[] = []
  const fleet = new Fleet({
    ...{ plans, root, tails, dist: repository.path('dist'), brokerEnv: { AMQP_URL: vhost.url }, once: false },
    sizes: new Map([['log-consumer', { first: 1, scaled: true }]]),
    backOff: kubeletBackOff(1),
    logPathOf: (name) => logPathOf(pipeline, name),
    after: clock.after,
    now: clock.monotonic,
    wallClock: clock.now,
    warn: (text) => warnings.push(text),
  })
  t.after(() => fleet.kill())
  const pods = () => fleet.processes.filter(({ plan }) => plan.kind === 'consumer').map(({ pod }) => pod)
  const ready = (count: number) => t.waitFor(() => assert.equal(pods().filter((pod) => pod.ready).length, count), poll)
  const acked = () => fleet.totals(({ kind }) => kind === 'consumer').acked
  return { fleet, repository, input, pods, ready, acked, warnings, tails }
}

const sorted = (text: string): readonly string[] => text.split('\n').slice(0, -1).sort()

test('fewer processes means that some drain: what they hold is finished or handed back, and each line comes out once', async (t) => {
  const { fleet, repository, input, pods, ready, acked } = await fleetOf(t, 300, 20)
  await fleet.startConsumers()
  fleet.startProducers()
  fleet.setReplicas('log-consumer', 4)
  await ready(4)
  const names = pods().map(({ name }) => name)
  assert.ok(
    names.every((name) => isPodOf('log-consumer', name)),
    names.join(' '),
  )
  assert.equal(new Set(pods().map(({ probePort }) => probePort)).size, 4, 'each has a port of its own')
  assert.equal(fleet.population('log-consumer').pods.length, 4)

  await t.waitFor(() => assert.ok(acked() > 20), poll)
  fleet.setReplicas('log-consumer', 1)
  assert.equal(fleet.population('log-consumer').pods.length, 1, 'what drains is no pod any more')
  assert.equal(pods().length, 4, 'but it is still there')
  await t.waitFor(
    () =>
      assert.deepEqual(
        pods().map(({ name }) => name),
        names.slice(0, 1),
        'the oldest stays',
      ),
    poll,
  )
  assert.ok(acked() < 300, 'the work was done before the scale-in: this proves nothing')
  fleet.setReplicas('log-consumer', 0)
  await t.waitFor(() => assert.deepEqual(pods(), []), poll)
  const before = acked()
  fleet.setReplicas('log-consumer', 2)
  await t.waitFor(() => assert.equal(acked(), 300), poll)
  assert.ok(before < 300)
  assert.deepEqual(sorted(repository.read('output.txt')), sorted(input))
  assert.deepEqual(await fleet.stop('producer'), [])
  assert.deepEqual(await fleet.stop('consumer'), [])
  assert.equal(fleet.totals(({ kind }) => kind === 'consumer').dead, 0)
})

test('a process that crashes starts again at once, then it waits; its pod keeps its name', async (t) => {
  const { fleet, pods, ready, warnings } = await fleetOf(t, 1, 0)
  await fleet.startConsumers()
  await ready(1)
  const [first] = pods()
  assert.ok(first)
  assert.equal(fleet.crash(first.name), true)
  await t.waitFor(() => assert.equal(pods()[0]?.restarts, 1), poll)
  await ready(1)
  assert.match(warnings.join('\n'), /ended by SIGKILL\n {2}it starts again at once$/)
  assert.equal(fleet.crash(first.name), true)
  await t.waitFor(() => assert.equal(pods()[0]?.state, 'crashed'), poll)
  assert.equal(pods()[0]?.ready, false)
  assert.match(warnings.at(-1) ?? '', /it starts again in 10 s$/)
  assert.equal(fleet.crash(first.name), false, 'there is no process now')
  assert.deepEqual(
    pods().map(({ name, restarts }) => [name, restarts]),
    [[first.name, 2]],
  )
  assert.equal(fleet.crash('nobody'), false)
  assert.deepEqual(await fleet.stop('consumer'), [])
})
