import { defineProducer, lines, text } from '#runtime'

export default defineProducer({
  source: lines({ path: 'input.txt' }),
  queue: 'logs',
  encode: text,
  map: (line) => ({ body: line.text }),
})
