import type { Writable } from 'node:stream'

/**
 * Makes all that is written to `stream` in one turn of the event loop leave together, before the loop goes on: amqplib writes
 * each frame by itself, and a system call a message is a third of what publishing costs the client.
 */
export function corkTurns(stream: Writable): void {
  const write = stream.write as (...args: unknown[]) => boolean
  let corked = false
  stream.write = (...args: unknown[]) => {
    if (!corked) {
      corked = true
      stream.cork()
      process.nextTick(() => {
        corked = false
        stream.uncork()
      })
    }
    return write.apply(stream, args)
  }
}
