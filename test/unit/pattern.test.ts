import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPattern } from '../../runtime/core/pattern.ts'

test('a path with a pattern in it is told from a plain one', () => {
  for (const path of ['logs/*.log', 'a?', '[ab]', '{a,b}', '**/x', '@(a|b)']) assert.ok(isPattern(path), path)
  for (const path of ['input.txt', '/var/log/a b.log', '..data/input.txt', 'a@b(c]}']) assert.ok(!isPattern(path), path)
})
