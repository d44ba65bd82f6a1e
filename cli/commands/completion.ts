import type { Command, Entry } from '../command.ts'
import { defineCommand, exitCode, UsageError } from '../command.ts'
import { nearest } from '../nearest.ts'
import { optionsOf } from '../parse.ts'

const shells = ['bash', 'zsh'] as const

/** @param entries all commands, this one included */
export const completionOf = (entries: readonly Entry[]): Command =>
  defineCommand({
    name: 'completion',
    summary: 'print what completes commands and options in bash or zsh',
    description: 'The words are those that the commands declare; where a file belongs, files are offered.',
    positionals: [{ name: 'SHELL', description: 'bash or zsh' }],
    examples: [
      { command: 'source <(kedafn completion bash)', does: 'in this bash; in ~/.bashrc, in each one' },
      { command: 'source <(kedafn completion zsh)', does: 'in this zsh, behind compinit' },
    ],
    async run({ positionals: { shell = '' }, io }) {
      const known = shells.find((one) => one === shell)
      if (!known) {
        const meant = nearest(shell, shells)
        throw new UsageError(`SHELL is '${shell}'; expected bash or zsh${meant ? `; did you mean ${meant}?` : ''}`)
      }
      const commands = (await Promise.all(entries.map(({ load }) => load()))).flatMap(withSubcommands)
      await io.stdout.write(known === 'bash' ? bashScript(entries, commands) : zshScript(entries, commands))
      return exitCode.done
    },
  })

const withSubcommands = (command: Command): Command[] => [
  command,
  ...(command.subcommands ?? []).flatMap(withSubcommands),
]

/** What may follow a command: its subcommands, else its options and the words of its positionals. */
function wordsOf(command: Command): string[] {
  const below = (command.subcommands ?? []).map(({ name }) => name.slice(command.name.length + 1))
  return [
    ...below,
    ...(command.run || below.length === 0 ? optionsOf(command).map(({ name }) => `--${name}`) : ['--help']),
  ]
}

/** Options whose value is one of a few words, by the option. */
const choicesOf = (command: Command): (readonly [string, readonly string[]])[] =>
  (command.options ?? []).flatMap((option) =>
    option.type === 'text' && option.choices ? [[`--${option.name}`, option.choices] as const] : [],
  )

/** Options whose value is a path, and all others that take one: after those no word of ours is offered. */
const takesValue = (command: Command): string[] =>
  (command.options ?? []).flatMap(({ name, type }) => (type === 'flag' ? [] : [`--${name}`]))

/** n.b. Written for bash 3.2, that of macOS: no associative arrays. */
function cases(commands: readonly Command[]): string {
  return commands
    .map((command) => {
      const choices = choicesOf(command).map(([option, words]) => `        ${option}) words='${words.join(' ')}' ;;\n`)
      const values = takesValue(command)
        .filter((option) => !choicesOf(command).some(([one]) => one === option))
        .join('|')
      const files = values === '' ? '' : `        ${values}) words= files=1 ;;\n`
      const open = (command.positionals ?? []).some(({ name }) => name === 'FILE') ? ' files=1' : ''
      const shellNames = command.name === 'completion' ? ` ${shells.join(' ')}` : ''
      return (
        `    '${command.name}')\n` +
        `      case $previous in\n${choices.join('')}${files}` +
        `        *) words='${wordsOf(command).join(' ')}${shellNames}'${open} ;;\n      esac ;;\n`
      )
    })
    .join('')
}

/** Sets `words` and `files` for the command that stands in the variable `command`, behind the word `previous`. */
function chooser(entries: readonly Entry[], commands: readonly Command[]): string {
  const first = entries.map(({ name }) => name).join(' ')
  return `  local words= files=
  case $command in
    '') words='${first} help --help --version' ;;
${cases(commands)}  esac
`
}

/** The names of commands that have commands below them. */
const parents = (commands: readonly Command[]): string =>
  commands.flatMap(({ name, subcommands }) => (subcommands ? [name] : [])).join('|') || 'none'

function bashScript(entries: readonly Entry[], commands: readonly Command[]): string {
  return `# kedafn completion bash
_kedafn() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  [ "$COMP_CWORD" -le 1 ] && command=
  case $command in
    ${parents(commands)}) [ "$COMP_CWORD" -gt 2 ] && command="$command \${COMP_WORDS[2]}" ;;
  esac
${chooser(entries, commands)}  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ -n "$files" ] && [ "\${current#-}" = "$current" ]; then
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -F _kedafn kedafn
`
}

function zshScript(entries: readonly Entry[], commands: readonly Command[]): string {
  return `# kedafn completion zsh
_kedafn() {
  local current=\${words[CURRENT]} previous=\${words[CURRENT-1]} command=\${words[2]}
  (( CURRENT <= 2 )) && command=
  case $command in
    ${parents(commands)}) (( CURRENT > 3 )) && command="$command \${words[3]}" ;;
  esac
${chooser(entries, commands)
  .replace('local words= files=', 'local choice= files=')
  .replaceAll(' words=', ' choice=')}  [[ -n $choice ]] && compadd -- \${=choice}
  [[ -n $files && $current != -* ]] && _files
  return 0
}
compdef _kedafn kedafn
`
}
