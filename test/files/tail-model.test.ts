/**
 * A real file and a real reader against a model. `KEDAFN_TEST_SEQUENCES=100000` runs so many sequences instead of those of
 * the suite, `KEDAFN_TEST_SEED` begins with another seed.
 */
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import fc from 'fast-check'
import { regressions } from './tail-regressions.ts'
import { type Operation, World } from './tail-world.ts'

const sequences = Number(process.env.KEDAFN_TEST_SEQUENCES ?? 2000)
const seed = Number(process.env.KEDAFN_TEST_SEED ?? 20_260_101)

const size = fc.oneof(
  { weight: 9, arbitrary: fc.nat(40) },
  { weight: 1, arbitrary: fc.integer({ min: 700, max: 2500 }) },
)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      op: fc.constant('append' as const),
      piece: fc.constantFrom('line', 'line', 'part', 'end', 'blank', 'many'),
      size,
    }),
  },
  { weight: 6, arbitrary: fc.constant({ op: 'look' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('rotate' as const),
      next: fc.constantFrom('none', 'empty', 'line', 'same begin'),
      late: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('rewrite' as const),
      to: fc.constantFrom('empty', 'smaller', 'same size', 'larger'),
      sameBegin: fc.boolean(),
      copy: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ op: 'remove' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('replace' as const),
      by: fc.constantFrom('rename', 'delete'),
      with: fc.constantFrom('added', 'added', 'edited', 'shortened', 'other'),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ op: 'save' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('restart' as const),
      from: fc.constantFrom('last', 'last', 'first', 'nothing'),
    }),
  },
)
/** Some sequences hold the one thing that nobody can know. */
const unknowable: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 12, arbitrary: operation },
  { weight: 1, arbitrary: fc.constant({ op: 'rewrite unnoticed' as const }) },
)

/** A file system in memory, which is faster, and the one of temporary files, which may be on a disk. */
const places = fc.constantFrom(...(existsSync('/dev/shm') ? Array(4).fill('/dev/shm') : []), tmpdir())

async function check(one: fc.Arbitrary<Operation>, numRuns: number): Promise<void> {
  const operations = fc.array(one, { minLength: 1, maxLength: 30, size: 'max' })
  const property = fc.asyncProperty(fc.boolean(), places, operations, (volume, place, list) =>
    new World(volume, place).play(list),
  )
  await fc.assert(property, { numRuns, seed })
}

const timeout = 3_600_000

test('whatever happens to a file, the lines that the rules name are sent, and no others', { timeout }, () =>
  check(operation, Math.ceil(sequences * 0.9)),
)

test('after what nobody can know, what is written later is still sent', { timeout }, () =>
  check(unknowable, Math.floor(sequences * 0.1)),
)

for (const { title, operations } of regressions) {
  test(`found before: ${title}`, async () => {
    for (const volume of [false, true]) await new World(volume, tmpdir()).play(operations)
  })
}
