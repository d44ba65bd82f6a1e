import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Comparison } from '../../dev/compare.ts'
import { Ledger, type Position } from '../../dev/ledger.ts'

const rest: Position = { sent: 3, confirmed: 3, written: 3, waiting: 0, dead: 0, skipped: 0 }
const same: Comparison = { equal: true, expected: 3, missing: 0, duplicates: 0, foreign: 0, inOrder: true }

/** The verdict once nothing has moved for long enough. */
async function verdictOn(position: Position, comparison: Comparison | string) {
  const ledger = new Ledger(async () => comparison, 'output.txt')
  for (let look = 1; look < 5; look++) assert.equal(await ledger.look(position), null)
  return ledger.look(position)
}

test('the files are compared once at rest, and again after something moved', async () => {
  let compared = 0
  const ledger = new Ledger(async () => {
    compared++
    return same
  }, 'output.txt')
  for (let look = 0; look < 20; look++) await ledger.look(rest)
  assert.equal(compared, 1)
  assert.equal(await ledger.look({ ...rest, sent: 4 }), null, 'a line is not confirmed')
  assert.equal(await ledger.look({ ...rest, sent: 4, confirmed: 4, waiting: 1 }), null)
  const later = { ...rest, sent: 4, confirmed: 4, written: 4 }
  for (let look = 0; look < 20; look++) await ledger.look(later)
  assert.equal(compared, 2)
})

test('there is no verdict while lines are on their way or the broker cannot be asked', async () => {
  for (const position of [
    { ...rest, waiting: 1 },
    { ...rest, waiting: null },
    { ...rest, confirmed: 2 },
  ]) {
    const ledger = new Ledger(() => assert.fail('compared too early'), 'output.txt')
    for (let look = 0; look < 20; look++) assert.equal(await ledger.look(position), null)
  }
})

test('the verdict counts what is missing against what is dead or left out, and says how many came twice', async () => {
  const cases: readonly [Partial<Position>, Partial<Comparison> | string, number | null, RegExp][] = [
    [{}, {}, 0, /^nothing is lost: all 3 confirmed lines are in output\.txt$/],
    [{}, { expected: 1 }, 0, /^nothing is lost: the one confirmed line is in output\.txt$/],
    [{}, { duplicates: 1 }, 0, /; 1 copy came again, as at-least-once allows$/],
    [{}, { duplicates: 2000 }, 0, /; 2,000 copies came again/],
    [
      { dead: 1 },
      { missing: 1 },
      0,
      /^nothing is lost: output\.txt lacks 1 of 3 confirmed lines; there are 1 dead letter$/,
    ],
    [{ dead: 1, skipped: 1 }, { missing: 2 }, 0, /; there are 1 dead letter and 1 left out by map$/],
    [{ dead: 1 }, { missing: 3 }, 2, /^output\.txt lacks 3 of 3 confirmed lines; there are 1 dead letter$/],
    [{}, { missing: 1 }, 1, /^output\.txt lacks 1 of 3 confirmed lines$/],
    [{}, 'the input was rotated or replaced', null, /^the files were not compared: the input was rotated or replaced$/],
  ]
  for (const [position, comparison, lost, text] of cases) {
    const given = typeof comparison === 'string' ? comparison : { ...same, ...comparison }
    const verdict = await verdictOn({ ...rest, ...position }, given)
    assert.equal(verdict?.lost, lost)
    assert.match(verdict?.text ?? '', text)
  }
})
