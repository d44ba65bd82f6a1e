import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { entries } from '../../cli/commands.ts'
import { optionsOf } from '../../cli/parse.ts'
import { kedafn } from './support/kedafn.ts'

const root = join(import.meta.dirname, '..', '..')
const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0
const names = entries.map(({ name }) => name)

/** Words of a command line, the last of which is to be completed, and what must be among the offers. */
const lines: [words: string[], offered: string[], notOffered: string[]][] = [
  [[''], [...names, 'help', '--version'], []],
  [['cr'], ['create'], ['list', 'completion']],
  [
    ['create', '--'],
    ['--from', '--queue', '--help'],
    ['--json', 'list'],
  ],
  [['create', 'x', '--from', ''], ['queue', 'lines', 'each'], ['--queue']],
  [['list', '--j'], ['--json'], ['--help']],
  [['completion', ''], ['bash', 'zsh'], []],
  [['test', 'READ'], ['README.md'], ['--minutes']],
  [['start', '--input', 'READ'], ['README.md'], []],
]

/** What this shell offers when Tab is pressed. */
const offers: Record<string, (script: string, words: readonly string[]) => string[]> = {
  bash(script, words) {
    const source = `eval "$SCRIPT"; COMP_WORDS=(kedafn "$@"); COMP_CWORD=$#; _kedafn; printf '%s\\n' "\${COMPREPLY[@]}"`
    return shellLines('bash', ['--norc', '-c', source, 'bash', ...words], script)
  },
  // n.b. Only the line editor of zsh completes, so it gets a terminal of its own; compadd is what it would be told.
  zsh(script, words) {
    const source = `
      compdef() { :; }; _files() { print -rl -- \${words[CURRENT]}*(N); }
      compadd() { shift; local one; for one in "$@"; do [[ $one == \${words[CURRENT]}* ]] && print -r -- $one; done; true; }
      eval "$SCRIPT"; words=(kedafn "$@"); CURRENT=$#words; _kedafn`
    return shellLines('zsh', ['-f', '-c', source, 'zsh', ...words], script)
  },
}

function shellLines(shell: string, args: readonly string[], script: string): string[] {
  const { status, stdout, stderr } = spawnSync(shell, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, SCRIPT: script },
  })
  assert.deepEqual([status, stderr], [0, ''])
  return stdout.split('\n').filter((line) => line !== '')
}

for (const shell of ['bash', 'zsh'] as const) {
  test(`${shell} completes commands, options, choices and files`, {
    skip: !has(shell) && `there is no ${shell}`,
  }, async (t) => {
    const { code, stdout: script } = await kedafn(t, ['completion', shell])
    assert.equal(code, 0)
    for (const [words, offered, notOffered] of lines) {
      const given = offers[shell]?.(script, words) ?? []
      for (const word of offered) assert.ok(given.includes(word), `${words.join(' ')}: ${word} in ${given.join(' ')}`)
      for (const word of notOffered) assert.ok(!given.includes(word), `${words.join(' ')}: no ${word}`)
    }
  })

  test(`${shell} is offered every option of every command`, {
    skip: !has(shell) && `there is no ${shell}`,
  }, async (t) => {
    const { stdout: script } = await kedafn(t, ['completion', shell])
    for (const entry of entries) {
      const command = await entry.load()
      const below = command.subcommands ?? [command]
      for (const one of below) {
        const given = offers[shell]?.(script, [...one.name.split(' '), '--']) ?? []
        assert.deepEqual(
          given.sort(),
          optionsOf(one)
            .map(({ name }) => `--${name}`)
            .sort(),
          one.name,
        )
      }
    }
  })
}

test('zsh takes it behind its own compinit', { skip: !has('zsh') && 'there is no zsh' }, async (t) => {
  const { stdout: script } = await kedafn(t, ['completion', 'zsh'])
  const source = 'autoload -Uz compinit; compinit -D -u; eval "$SCRIPT"; print -r -- $_comps[kedafn]'
  assert.deepEqual(shellLines('zsh', ['-f', '-c', source], script), ['_kedafn'])
})

test('another shell is refused with the two there are', async (t) => {
  const { code, stderr } = await kedafn(t, ['completion', 'bsh'])
  assert.deepEqual([code, stderr], [2, "SHELL is 'bsh'; expected bash or zsh; did you mean bash?\n"])
})
