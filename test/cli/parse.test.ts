import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineCommand, UsageError } from '../../cli/command.ts'
import { nearest } from '../../cli/nearest.ts'
import { parse } from '../../cli/parse.ts'

const command = defineCommand({
  name: 'move',
  summary: 'move things',
  options: [
    { name: 'dry-run', short: 'n', type: 'flag', description: 'change nothing' },
    { name: 'into', type: 'text', placeholder: 'QUEUE', description: 'where to' },
    { name: 'as', type: 'text', placeholder: 'FORM', choices: ['text', 'hex'], default: 'text', description: 'how' },
    {
      name: 'offset',
      short: 'o',
      type: 'number',
      placeholder: 'N',
      min: -10,
      max: 10,
      default: 0,
      description: 'from',
    },
    {
      name: 'rate',
      type: 'number',
      placeholder: 'N',
      min: 0,
      max: 5,
      fractions: true,
      env: 'RATE',
      description: 'a second',
    },
    { name: 'id', type: 'list', placeholder: 'ID', description: 'only these' },
  ],
  positionals: [
    { name: 'QUEUE', description: 'the queue' },
    { name: 'FILE', description: 'files', optional: true, many: true },
  ],
  reads: true,
  examples: [{ command: 'kedafn move a', does: 'moves' }],
  run: async () => 0,
})

const read = (args: readonly string[], env = {}) => parse(command, args, env)

test('what is not given has its default, or the value of its variable', () => {
  assert.deepEqual(read(['logs'], { RATE: '2.5' }), {
    help: false,
    options: { 'dry-run': false, into: undefined, as: 'text', offset: 0, rate: 2.5, id: [], json: false, help: false },
    positionals: { queue: 'logs', file: undefined },
    arguments: ['logs'],
  })
})

test('options are read in every form, and values may be negative, long or look like options', () => {
  const long = 'x'.repeat(100_000)
  const {
    options,
    positionals,
    arguments: all,
  } = read([
    ...['-n', '--into=--odd', '--as', 'hex', '--offset', '-5', '--id', 'a', '--id=b', '--id', long, '--json'],
    ...['--rate=0.5', '--', '-dashed', '--help'],
  ])
  assert.deepEqual(options, {
    ...{
      'dry-run': true,
      into: '--odd',
      as: 'hex',
      offset: -5,
      rate: 0.5,
      id: ['a', 'b', long],
      json: true,
      help: false,
    },
  })
  assert.deepEqual([positionals.queue, all], ['-dashed', ['-dashed', '--help']])
})

test('a short option takes its value in each of its forms', () => {
  for (const args of [['-o', '7'], ['-o7'], ['-no7'], ['-o', '-7']]) {
    const { options } = read(['q', ...args])
    assert.equal(Math.abs(Number(options.offset)), 7, args.join(' '))
  }
})

/** Arguments, and all that is said of them. */
const refused: [args: string[], problems: string[]][] = [
  [[], ['QUEUE is missing: the queue']],
  [[''], ['QUEUE is empty: the queue']],
  [['q', '--dryrun'], ['--dryrun is no option here; did you mean --dry-run?']],
  [['q', '-x'], ['-x is no option here']],
  [['q', '--no-json'], ['--no-json is no option here']],
  [['q', '--dry-run=yes'], ['--dry-run takes no value']],
  [['q', '--into'], ['--into needs a value: --into QUEUE']],
  [['q', '--into', '--json'], ['--into needs a value: --into QUEUE']],
  [['q', '--into='], ['--into is empty; expected QUEUE']],
  [['q', '--as', 'hxe'], ["--as is 'hxe'; expected text, hex; did you mean hex?"]],
  [['q', '--offset', '11'], ["--offset is '11'; expected a whole number from -10 to 10"]],
  [['q', '--offset', '1.5'], ["--offset is '1.5'; expected a whole number from -10 to 10"]],
  [['q', '--offset', ''], ["--offset is ''; expected a whole number from -10 to 10"]],
  [['q', '--offset', '0x'], ["--offset is '0x'; expected a whole number from -10 to 10"]],
  [['q', '--as', 'hex', '--as', 'text'], ['--as is given 2 times']],
  [['q', '--\u001b[2J'], ['--\\x1b[2J is no option here']],
  [
    ['--jsno', '--offset', 'x', '--rate', '9'],
    [
      '--jsno is no option here; did you mean --json?',
      "--offset is 'x'; expected a whole number from -10 to 10",
      "--rate is '9'; expected a number from 0 to 5",
      'QUEUE is missing: the queue',
    ],
  ],
]

for (const [args, problems] of refused) {
  test(`${JSON.stringify(args)} is refused with ${problems.length === 1 ? 'what is wrong' : 'all that is wrong'}`, () => {
    assert.throws(
      () => read(args),
      (error) => {
        assert.ok(error instanceof UsageError)
        assert.deepEqual(error.problems, problems)
        return true
      },
    )
  })
}

test('a value of a variable that cannot be used is named by the variable', () => {
  assert.throws(() => read(['q'], { RATE: 'fast' }), /^UsageError: RATE is 'fast'; expected a number from 0 to 5$/)
})

test('--help wins over everything that is wrong', () => {
  assert.equal(read(['--jsno', '--help', '--offset']).help, true)
  assert.equal(read(['-h']).help, true)
})

test('a command without positionals takes none', () => {
  const { positionals: _, ...bare } = command
  assert.throws(() => parse(bare, ['one', 'two'], {}), /'one' is one argument too many\n'two' is one argument too many/)
})

test('the nearest name is the one that was meant, or none', () => {
  const known = ['create', 'list', 'build', 'start', 'replay', 'redrive', 'completion']
  const meant = { craete: 'create', lst: 'list', biuld: 'build', comp: 'completion', satrt: 'start', replya: 'replay' }
  for (const [typed, name] of Object.entries(meant)) assert.equal(nearest(typed, known), name, typed)
  for (const typed of ['x', 'frobnicate', '', 're']) assert.equal(nearest(typed, known), null, typed)
})
