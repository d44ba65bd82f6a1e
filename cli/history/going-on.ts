import type { Told } from './state.ts'

/** A word of a shell's command line, in quotes where it needs them. */
const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** The command that goes on where a replay stopped. */
export function commandToGoOn(
  told: Told,
  { state, rate, after, end }: { state: string | null; rate: number; after: number; end: number },
): string {
  const words = ['kedafn', 'replay', told.queue]
  const add = (option: string, value: string) => words.push(`--${option}`, value)
  if (state !== null) add('state', state)
  else {
    add('from', told.from)
    // What came behind the end meanwhile is not meant.
    add('to', told.to ?? String(end))
    add('after', String(after))
    if (told.match !== null) add('match', told.match)
    if (told.into !== told.queue) add('into', told.into)
    if (told.exchange !== told.queue) add('exchange', told.exchange)
    if (told.again) words.push('--again')
  }
  add('rate', String(rate))
  return words.map(word).join(' ')
}
