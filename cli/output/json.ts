import type { Output } from '../command.ts'

/** One document, for who reads all of it. */
export const writeJson = (out: Output, value: unknown): Promise<void> =>
  out.write(`${escaped(JSON.stringify(value, null, 2))}\n`)

/** One line an event, for who reads as it happens. */
export const writeJsonLine = (out: Output, value: unknown): Promise<void> =>
  out.write(`${escaped(JSON.stringify(value))}\n`)

/** n.b. JSON itself escapes C0; DEL, C1 and bidi controls would reach the terminal that shows it. */
const escaped = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
