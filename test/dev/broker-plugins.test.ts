import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { linkPlugins } from '../../dev/broker/plugins.ts'
import { Programs } from './programs.ts'

/** A RabbitMQ in a folder with these plugins, each with what it needs. */
function rabbit(t: TestContext, plugins: Record<string, string>) {
  const programs = new Programs(t)
  for (const [name, needs] of Object.entries(plugins)) {
    const ebin = programs.path('rabbit', 'plugins', name, 'ebin')
    mkdirSync(ebin, { recursive: true })
    const application = name.replace(/-[^-]*$/, '')
    writeFileSync(
      join(ebin, `${application}.app`),
      `{application, '${application}', [\n  {applications, [${needs}]}\n]}.\n`,
    )
  }
  mkdirSync(programs.path('own'))
  const script = programs.path('rabbit', 'sbin', 'rabbitmq-server')
  return { programs, script, folder: programs.path('own') }
}

test('the broker sees the management and what it needs, whatever that is, and nothing else', (t) => {
  const { programs, script, folder } = rabbit(t, {
    'rabbitmq_management-4.0.5': "kernel,\n    'rabbit',cowboy",
    'rabbit-4.0.5': 'rabbit_common',
    'rabbit_common-4.0.5': 'kernel',
    'cowboy-2.12.0': 'ranch',
    'ranch-2.1.0': '',
    'rabbitmq_mqtt-4.0.5': 'rabbit',
  })
  for (let time = 0; time < 2; time++) {
    const linked = linkPlugins(script, folder)
    assert.deepEqual(readdirSync(linked ?? '').sort(), [
      'cowboy-2.12.0',
      'rabbit-4.0.5',
      'rabbit_common-4.0.5',
      'rabbitmq_management-4.0.5',
      'ranch-2.1.0',
    ])
    assert.equal(readlinkSync(join(linked ?? '', 'ranch-2.1.0')), programs.path('rabbit', 'plugins', 'ranch-2.1.0'))
  }
})

test('where it cannot be told what is needed, the broker sees all plugins', (t) => {
  const { script, folder } = rabbit(t, { 'rabbit-4.0.5': '' })
  assert.equal(linkPlugins(script, folder), null)
  assert.equal(linkPlugins(join(folder, 'none', 'sbin', 'rabbitmq-server'), folder), null)
})

test('a folder with a colon in its name cannot be a path of plugins', (t) => {
  const { script, programs } = rabbit(t, { 'rabbitmq_management-4.0.5': '' })
  const folder = programs.path('a:b')
  mkdirSync(folder)
  assert.equal(linkPlugins(script, folder), null)
})
