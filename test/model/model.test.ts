import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checks, wrongChecks } from './checks.ts'
import { missingTools, modelPath, search } from './spin.ts'

/**
 * A bare machine has no model checker, and must pass the tests all the same: there each check is skipped, with the command
 * that installs what is missing as its reason. `npm run test:model` skips nothing: it fails.
 */
const skip = missingTools() ?? false

for (const check of checks) {
  const { name, expected } = check
  const title = expected === null ? `${name}: every claim holds` : `the checker rejects ${name}: ${expected}`
  test(title, { skip }, () => {
    const found = search(check)
    assert.equal(found.violated, expected, found.story.join('\n'))
  })
}

test('every way to get it wrong that the model names is checked', () => {
  const named = [...readFileSync(modelPath, 'utf8').matchAll(/^#define ([A-Z_]+) +\d+ *(?:\/\*|$)/gm)].map(
    ([, name]) => name,
  )
  const sizes = ['WINDOW', 'UNSAVED', 'PREFETCH', 'ATTEMPTS', 'COPIES']
  assert.deepEqual(named, [...sizes, ...wrongChecks.map(({ name }) => name)])
})
