import { text } from '../../runtime/core/codecs.ts'
import { header } from '../../runtime/core/headers.ts'
import { linesOf, unpack } from '../../runtime/core/pack.ts'
import type { ReadMessage } from '../broker/stream.ts'
import { UsageError } from '../command.ts'
import { safeText } from '../output/safe.ts'

/** What a message is about: itself, or a line of it. */
export interface Part extends ReadMessage {
  /** Of a message of many lines which one, from 1; null: the message has one. */
  readonly line: number | null
}

/** The lines of a message, each as the message that it would be by itself. What says it is a pack and is none comes as it is. */
export function partsOf(message: ReadMessage): readonly Part[] {
  const whole = [{ ...message, line: null }]
  const count = linesOf(message.headers)
  if (count === null) return whole
  const { [header.lines]: _lines, ...headers } = message.headers
  let line = 0
  const lines = unpack(message.messageId, message.body, count, (messageId, body): Part => {
    return { ...message, messageId, body, headers, line: ++line }
  })
  return typeof lines === 'string' ? whole : lines
}

/** Whether a body is meant. Undefined: every one is. @throws UsageError naming the option */
export function matcherOf(pattern: string | undefined): ((body: Uint8Array) => boolean) | null {
  if (pattern === undefined) return null
  try {
    const expression = new RegExp(pattern)
    return (body) => expression.test(text.decode(body))
  } catch (error) {
    throw new UsageError(
      `--match is '${safeText(pattern)}'; expected a regular expression (${(error as Error).message})`,
    )
  }
}
