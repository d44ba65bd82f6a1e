import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { guideImages, guideSteps } from '../e2e/support/guide.ts'

const root = join(import.meta.dirname, '..', '..')
const steps = guideSteps()
const commands = steps.map((step) => step.commands).join('')

test('of the guide no test leaves out what a cluster could run, and of the rest it says why', () => {
  const left = steps.filter(({ notRun }) => notRun !== null)
  assert.deepEqual(
    left.map((step) => step.commands.split(' ').slice(0, 2).join(' ').trim()),
    ['k3d cluster', 'helm repo', 'npm ci', 'k3d image', 'k3d cluster'],
  )
  assert.equal(steps.filter(({ aside }) => aside).length, 1)
})

test('every step of the guide is what a shell understands', () => {
  for (const step of steps) assert.equal(spawnSync('sh', ['-nc', step.commands], { encoding: 'utf8' }).stderr, '')
})

test('the guide builds the images that it brings onto the node, in one place, and names paths that are there', () => {
  const [[, names = ''] = [], ...others] = commands.matchAll(/build\.mjs --image (.+)/g)
  assert.deepEqual(others, [])
  const built = names.split(' ').filter((word) => !word.startsWith('-'))
  assert.deepEqual(
    guideImages(steps),
    built.map((name) => `dist/images/${name}.tar`),
  )
  for (const [path] of commands.matchAll(/\bmanifests\/[\w./-]+/g)) assert.ok(existsSync(join(root, path)), path)
})

test('a step is marked by the comment before it, and any other comment there is refused', () => {
  const text = 'Words.\n\n<!-- not run: too far -->\n```sh\nnpm ci\n```\n\n```sh\nls\nid\n```\n```yaml\na: b\n```\n'
  assert.deepEqual(guideSteps(text), [
    { commands: 'npm ci\n', aside: false, notRun: 'too far' },
    { commands: 'ls\nid\n', aside: false, notRun: null },
  ])
  assert.throws(() => guideSteps('<!-- skip -->\n```sh\nls\n```\n'), /what is <!-- skip -->/)
})
