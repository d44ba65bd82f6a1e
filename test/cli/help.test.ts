import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from '../../cli/command.ts'
import { entries } from '../../cli/commands.ts'
import { commandHelp, overview } from '../../cli/help.ts'
import { optionsOf } from '../../cli/parse.ts'
import { assertGolden } from './support/golden.ts'
import { kedafn } from './support/kedafn.ts'

const width = 100

const withSubcommands = (command: Command): Command[] => [
  command,
  ...(command.subcommands ?? []).flatMap(withSubcommands),
]

const commands = (await Promise.all(entries.map(({ load }) => load()))).flatMap(withSubcommands)

test('kedafn --help lists every command', () => assertGolden('help/kedafn.txt', overview(entries, width)))

for (const command of commands) {
  const { name, examples, summary } = command
  test(`kedafn ${name} --help is what stands in its golden file`, () =>
    assertGolden(`help/${name.replaceAll(' ', '-')}.txt`, commandHelp(command, width)))

  test(`kedafn ${name} has examples, each of which calls it`, () => {
    assert.ok(examples.length > 0)
    for (const example of examples) assert.match(example.command, new RegExp(`\\bkedafn ${name}\\b`))
  })

  test(`the summary of kedafn ${name} is one line without a full stop, and its options have names of their own`, () => {
    assert.match(summary, /^[a-z].*[^.]$/)
    assert.equal(new Set(optionsOf(command).map((one) => one.name)).size, optionsOf(command).length)
    const letters = optionsOf(command).flatMap((one) => one.short ?? [])
    assert.equal(new Set(letters).size, letters.length)
  })
}

test('the list of commands says of each what the command says of itself', async () => {
  for (const { name, summary, load } of entries) {
    const command = await load()
    assert.deepEqual([command.name, command.summary], [name, summary])
  }
})

test('a subcommand is called by its parent and its own name', () => {
  for (const { name, subcommands = [] } of commands) {
    for (const one of subcommands) assert.ok(one.name.startsWith(`${name} `), one.name)
  }
})

test('help goes to stdout with exit code 0; without a command it goes to stderr with 2', async (t) => {
  const asked = await kedafn(t, ['--help'])
  assert.deepEqual([asked.code, asked.stderr], [0, ''])
  const lost = await kedafn(t, [])
  assert.deepEqual([lost.code, lost.stdout, lost.stderr], [2, '', asked.stdout])
  const ofList = await kedafn(t, ['list', '--help'])
  assert.deepEqual([ofList.code, ofList.stderr], [0, ''])
  assert.equal((await kedafn(t, ['help', 'list'])).stdout, ofList.stdout)
})
