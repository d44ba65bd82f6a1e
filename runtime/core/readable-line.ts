const colours: Readonly<Record<string, string>> = { debug: '2', warn: '33', error: '31' }

/** Who reads a terminal knows what it started, and what day it is. */
const left = new Set(['time', 'level', 'message', 'function'])

/** n.b. a field may quote what a user's data holds: no control character of it may reach the terminal. */
const withoutControls = (text: string): string => text.replace(/[^\P{Cc}\n\t]/gu, '\u{fffd}')

/** A log entry for eyes instead of programs: time, level, message, then the fields; a stack on lines of its own. */
export function readableLine(entry: Readonly<Record<string, unknown>>): string {
  const { time, level, message } = entry
  const stacks: string[] = []
  const fields = Object.entries(entry)
    .filter(([name]) => !left.has(name))
    .map(([name, value]) => `${name}=${shown(value, stacks)}`)
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${message}`
  const line = withoutControls([[head, ...fields].join('  '), ...stacks].join('\n'))
  const colour = colours[String(level)]
  return colour === undefined ? line : `\u001b[${colour}m${line}\u001b[0m`
}

function shown(value: unknown, stacks: string[]): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  if (typeof value === 'object' && value !== null && 'message' in value) {
    if ('stack' in value && typeof value.stack === 'string') stacks.push(value.stack)
    return JSON.stringify(value.message)
  }
  return JSON.stringify(value) ?? String(value)
}
