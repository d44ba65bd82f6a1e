import { randomUUID } from 'node:crypto'
import { text } from '../../runtime/core/codecs.ts'
import { LineSplitter, maxBodyBytes, type Piece } from '../../runtime/core/lines.ts'
import { type Publishing, publishing, type Route, routeTo } from '../broker/publishing.ts'
import { brokerVariables } from '../broker/reach.ts'
import { type Call, CommandError, defineCommand, exitCode, type Io } from '../command.ts'
import { Progress } from '../output/progress.ts'
import { safeText } from '../output/safe.ts'
import { grouped } from '../output/table.ts'
import { aborted, unlessAborted } from '../until.ts'

/** How long the broker may take to confirm what was sent before Ctrl-C. */
const farewellMs = 5000

const options = [
  {
    name: 'skip',
    type: 'number',
    placeholder: 'N',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: 0,
    description: 'leave the first lines out, those that an interrupted run has sent',
  },
  {
    name: 'id',
    type: 'text',
    placeholder: 'TEXT',
    description:
      'what the ids of the messages begin with, a colon and the number of the line behind it; else one of a kind',
  },
  {
    name: 'window',
    type: 'number',
    placeholder: 'N',
    min: 1,
    max: 10_000,
    default: 1000,
    description: 'the most messages that are published and not yet confirmed',
  },
  { name: 'direct', type: 'flag', description: 'to the queue alone, not through the exchange of its name' },
] as const

export const publish = defineCommand({
  name: 'publish',
  summary: 'send the lines of stdin to a queue, each confirmed by the broker',
  description:
    "Each line is a message, sent as the queue's producer would: through the exchange of that name, so that the history has it too, and persistent. A line counts once the broker has confirmed it.\n" +
    'Ctrl-C reads no further, waits for what is sent and says how many lines are confirmed, and how to go on with the next one.',
  options,
  positionals: [{ name: 'QUEUE', description: 'the queue, which has to exist' }],
  variables: brokerVariables,
  exitCodes: { 130: 'interrupted; what it says of lines is confirmed' },
  examples: [
    { command: 'echo hello | kedafn publish logs', does: 'one message' },
    { command: 'kedafn publish logs < input.txt', does: 'every line of a file' },
    { command: 'kedafn publish logs --skip 5000 --id import-7 < input.txt', does: 'go on behind line 5000' },
  ],
  async run({ options: { skip, id = randomUUID(), window, direct }, positionals: { queue = '' }, io }) {
    const { route, reach } = await routeTo(io, 'kedafn publish', queue, direct)
    const sending = new Sending(io, publishing(io, reach, 'kedafn publish', window), { route, skip, id })
    const { isComplete, failure } = await sending.end()
    const { confirmed } = sending
    await io.stdout.write(
      `${grouped(confirmed)} ${confirmed === 1 ? 'line' : 'lines'} confirmed, queue ${safeText(queue)}\n`,
    )
    if (isComplete) return exitCode.done
    const again = `kedafn publish ${safeText(queue)} --skip ${skip + confirmed} --id ${safeText(id)}`
    await io.stderr.write(`${failure ? 'failed' : 'interrupted'}; go on with  ${again}  and the same lines\n`)
    if (failure) throw failure
    return exitCode.interrupted
  },
})

interface SendingOptions {
  readonly route: Route
  readonly skip: number
  readonly id: string
}

class Sending {
  readonly #io: Call['io']
  readonly #options: SendingOptions
  readonly #publishing: Publishing
  readonly #progress: Progress
  /** Lines read, those that are left out included. */
  #read = 0
  /** Lines of this run that the broker has confirmed: the first so many of those not left out. */
  confirmed = 0

  constructor(io: Io, publishing: Publishing, options: SendingOptions) {
    this.#io = io
    this.#publishing = publishing
    this.#options = options
    this.#progress = new Progress(io, { verb: 'confirmed', noun: 'lines', total: null, silent: false })
  }

  /** Sends all of stdin, or what comes before Ctrl-C or a failure; what is counted then is confirmed. */
  async end(): Promise<{ isComplete: boolean; failure: unknown }> {
    const { publisher } = this.#publishing
    try {
      const isComplete = await this.#run()
      if (!isComplete) await this.#farewell()
      return { isComplete, failure: null }
    } catch (failure) {
      await this.#farewell()
      return { isComplete: false, failure }
    } finally {
      this.#progress.end()
      await publisher.close()
    }
  }

  /** @returns false if it was interrupted */
  async #run(): Promise<boolean> {
    const splitter = new LineSplitter()
    const chunks = this.#io.stdin[Symbol.asyncIterator]()
    for (;;) {
      const chunk = await this.#wait(chunks.next())
      if (chunk === aborted) return false
      for (const piece of chunk.done ? splitter.end() : splitter.push(chunk.value)) {
        if (!(await this.#send(piece))) return false
      }
      if (!chunk.done) continue
      return (await this.#wait(this.#publishing.publisher.idle())) !== aborted
    }
  }

  /** @returns false if it was interrupted before this line was sent */
  async #send(piece: Piece): Promise<boolean> {
    this.#read++
    if (piece.kind === 'part') {
      throw new CommandError(
        `line ${grouped(this.#read)} is longer than a message may be, ${grouped(maxBodyBytes)} bytes`,
        'Break the line up, or leave it out',
      )
    }
    const { route, skip, id } = this.#options
    if (this.#read <= skip) return true
    const { publisher } = this.#publishing
    if (!publisher.hasRoom() && (await this.#wait(publisher.room())) === aborted) return false
    if (this.#io.signal.aborted) return false
    const message = {
      ...route,
      body: piece.line.bytes,
      messageId: `${id}:${this.#read}`,
      contentType: text.contentType,
      timestamp: this.#io.now(),
    }
    publisher.publish(message, () => this.#progress.update(++this.confirmed))
    return true
  }

  #wait<T>(work: Promise<T>): Promise<T | typeof aborted> {
    const { publisher, unroutable } = this.#publishing
    return unlessAborted(this.#io.signal, Promise.race([work, publisher.failed, unroutable]))
  }

  /** What is sent is confirmed in a moment, unless there is no broker. */
  async #farewell(): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, farewellMs))
    await Promise.race([this.#publishing.publisher.idle().catch(() => {}), late])
  }
}
