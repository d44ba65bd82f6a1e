import assert from 'node:assert/strict'
import { test } from 'node:test'
import { helpText, parseArguments, UsageError } from '../../dev/arguments.ts'

test('without arguments the files are the default ones and the run goes on until it is stopped', () => {
  assert.deepEqual(parseArguments([], {}), {
    help: false,
    input: null,
    output: null,
    once: false,
    fast: 1,
    page: true,
    open: false,
    json: false,
    limitMemory: false,
  })
})

test('options win over the environment, the environment over the default', () => {
  const env = { INPUT_PATH: 'e.in', OUTPUT_PATH: 'e.out' }
  assert.deepEqual(parseArguments(['--input', 'a b', '--once'], env), {
    help: false,
    input: 'a b',
    output: 'e.out',
    once: true,
    fast: 1,
    page: false,
    open: false,
    json: false,
    limitMemory: false,
  })
  assert.equal(parseArguments([], { INPUT_PATH: '' }).input, null)
})

const refused: readonly [readonly string[], RegExp][] = [
  [['--nope'], /^Unknown option '--nope'; npm start -- --help shows what there is$/],
  [['--input'], /'--input <value>' argument missing/],
  [['--input', '--once'], /'--input'/],
  [['--input='], /^--input is empty; expected the path of a file$/],
  [['--once=yes'], /'--once'/],
  [['--fast', '0.5'], /^--fast is "0.5"; expected a number from 1 to 100$/],
  [['--fast='], /^--fast is ""; expected a number/],
  [['--fast', '2', '--once'], /^--fast does nothing with --once/],
  [['--open', '--once'], /^--open needs the page, which --once leaves out$/],
  [['--open', '--no-page'], /which --no-page leaves out$/],
  [['input.txt'], /^"input.txt" belongs to no option/],
]
for (const [args, message] of refused) {
  test(`${args.join(' ')} is refused on one line`, () => {
    assert.throws(
      () => parseArguments(args, {}),
      (error: unknown) => {
        assert.ok(error instanceof UsageError)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /\n/)
        return true
      },
    )
  })
}

test('options that npm kept for itself are noticed', () => {
  assert.throws(
    () => parseArguments(['a.txt'], { npm_config_input: 'true', npm_config_once: 'true' }),
    /npm took --input and --once for itself.*npm start -- --input/,
  )
  assert.throws(() => parseArguments([], { npm_config_page: '' }), /npm took --no-page for itself/)
  assert.throws(() => parseArguments([], { npm_config_limit_memory: 'true' }), /npm took --limit-memory for itself/)
  assert.throws(() => parseArguments([], { npm_config_json: 'true' }), /npm took --json for itself/)
})

test('the help names every option in two columns', () => {
  for (const option of [
    '--input',
    '--output',
    '--once',
    '--fast',
    '--open',
    '--no-page',
    '--json',
    '--limit-memory',
    '--help',
  ])
    assert.match(helpText, new RegExp(`^  ${option}`, 'm'))
  for (const line of helpText.split('\n')) assert.ok(line.length <= 100, line)
})
