import { defineProducer, lines, text } from '#runtime'

/** Sends the lines of a file to its queue, each as a message. */
export default defineProducer({
  source: lines({ path: 'from-lines.txt' }),
  queue: 'from-lines',
  encode: text,
  // Null leaves a line out. Pure: it may run again for a line whose confirm was lost.
  map: (line) => (line.text.trim() === '' ? null : { body: line.text }),
})
