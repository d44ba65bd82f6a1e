import { defineProducer, lines, text } from '#runtime'
import type { Wrap } from '../../runtime/ports.ts'

/** Sends all lines but those that begin with `skip`. With STOP it is told to stop at the line that begins with `stop`. */
export function specOf(_wrap: Wrap) {
  const stops = process.env.STOP === 'true'
  return defineProducer({
    source: lines({ path: 'input.txt' }),
    queue: 'produced',
    encode: text,
    map: (line) => {
      if (stops && line.text.startsWith('stop')) process.kill(process.pid, 'SIGTERM')
      return line.text.startsWith('skip') ? null : { body: line.text }
    },
  })
}
