import type { Delivered } from '../../broker/queue-reader.ts'
import { brokerVariables } from '../../broker/reach.ts'
import { CommandError, defineCommand, exitCode } from '../../command.ts'
import { writeJson } from '../../output/json.ts'
import { shownSeconds } from '../../output/progress.ts'
import { isUtf8, safeText } from '../../output/safe.ts'
import { grouped } from '../../output/table.ts'
import { aborted } from '../../until.ts'
import { filterOf, filterOptions, fits } from './filter.ts'
import type { Letter } from './letter.ts'
import { looking } from './list.ts'
import { asJson, type PayloadForm, shownPayload } from './payload.ts'
import { lookThrough, queuePositional, withDeadLetters } from './reading.ts'

const forms = ['auto', 'text', 'hex', 'json'] as const satisfies readonly PayloadForm[]

export const show = defineCommand({
  name: 'dlq show',
  summary: 'show dead letters: payload, headers, attempts, what they died of and what was done about it',
  description: `The oldest first, one of them unless ids or --first ask for more. ${looking}`,
  reads: true,
  options: [
    ...filterOptions,
    { name: 'first', type: 'number', placeholder: 'N', min: 1, max: 1000, description: 'show the oldest N that fit' },
    {
      name: 'payload',
      type: 'text',
      placeholder: 'FORM',
      choices: forms,
      default: 'auto',
      description: 'how the payload is shown; auto takes JSON or text for what is it, and hex for all else',
    },
    {
      name: 'max-bytes',
      type: 'number',
      placeholder: 'N',
      min: 0,
      max: 1_000_000_000,
      default: 4096,
      description: 'show so much of the payload; --json has all of it',
    },
  ],
  positionals: [queuePositional, { name: 'ID', description: 'the ids of messages', optional: true, many: true }],
  variables: brokerVariables,
  exitCodes: { 130: 'interrupted; what it shows is what it saw until then' },
  examples: [
    { command: 'kedafn dlq show logs', does: 'the oldest dead letter' },
    { command: 'kedafn dlq show logs --first 3 --code FN_DROPPED', does: 'three of one code' },
    { command: "kedafn dlq show logs 66-1:4711 --json | jq -r '.[].payload.text'", does: 'the payload of one' },
  ],
  async run({ options, arguments: [queue = '', ...ids], io }) {
    const filter = filterOf({ ...options, id: [...options.id, ...ids] })
    const most = options.first ?? (filter.ids.length > 0 ? 1000 : 1)
    const shown: (() => unknown)[] = []
    const found = new Set<string>()
    const seen = await withDeadLetters(io, 'dlq show', queue, async (letters) => {
      const isWhole = await lookThrough(letters, io, Number.POSITIVE_INFINITY, (letter, delivered) => {
        if (!fits(filter, letter, io.now())) return true
        found.add(letter.id)
        shown.push(
          options.json
            ? () => documentOf(letter, delivered)
            : lazily(textOf(letter, delivered, options.payload as PayloadForm, options['max-bytes'], io.now())),
        )
        return shown.length < most
      })
      return { isWhole, deadQueue: letters.deadQueue, lookedAt: letters.reader.seen }
    })
    if (seen === aborted) return exitCode.interrupted
    if (options.json)
      await writeJson(
        io.stdout,
        shown.map((one) => one()),
      )
    else for (const [index, one] of shown.entries()) await io.stdout.write(`${index > 0 ? '\n' : ''}${one()}`)
    if (!seen.isWhole) return exitCode.interrupted
    const missing = filter.ids.filter((id) => !found.has(id))
    if (shown.length === 0 || missing.length > 0) {
      const what =
        missing.length > 0
          ? `no message with the id ${missing.map((id) => `'${safeText(id)}'`).join(', ')}`
          : 'no message that fits'
      throw new CommandError(
        `${what} among the ${grouped(seen.lookedAt)} of ${safeText(seen.deadQueue)}`,
        'kedafn dlq list QUEUE shows what is there',
      )
    }
    return exitCode.done
  },
})

/** n.b. Text is made at once, so that no more of a large body is kept than is shown. */
const lazily = (text: string) => () => text

const isoOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

function documentOf(letter: Letter, { body, headers, properties, redelivered }: Delivered) {
  const { firstFailure, lastFailure, published, ...rest } = letter
  const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return {
    ...rest,
    firstFailure: isoOf(firstFailure),
    lastFailure: isoOf(lastFailure),
    published: isoOf(published),
    redelivered,
    properties: asJson(properties),
    headers: asJson(headers),
    payload: isUtf8(body) ? { text: content.toString() } : { base64: content.toString('base64') },
  }
}

function textOf(letter: Letter, delivered: Delivered, form: PayloadForm, maxBytes: number, now: number): string {
  const { body, headers, properties } = delivered
  const when = (at: number | null) => (at === null ? '?' : `${isoOf(at)}, ${shownSeconds((now - at) / 1000)} ago`)
  const facts: [string, string][] = [
    ['id', letter.id],
    ['origin', letter.origin],
    ['code', letter.code],
    ['cause', letter.cause],
    ['attempts', String(letter.attempts)],
    ['first failure', when(letter.firstFailure)],
    ['last failure', when(letter.lastFailure)],
    ['published', when(letter.published)],
    ['trace id', letter.traceId ?? '-'],
    ['redrives', String(letter.redrives)],
    ...letter.redriven.map(({ at, code, cause, failed }): [string, string] => [
      `  ${at}`,
      `had died of ${code} after ${failed} attempts: ${cause}`,
    ]),
    ...Object.entries(headers).map(([name, value]): [string, string] => [`header ${name}`, shownValue(value)]),
  ]
  const type = typeof properties.contentType === 'string' ? `, ${safeText(properties.contentType)}` : ''
  const width = 15
  const lines = facts.map(([name, value]) => `${safeText(name).padEnd(width)} ${safeText(value)}\n`).join('')
  return `${lines}payload, ${grouped(body.length)} bytes${type}\n${shownPayload(body, form, maxBytes)}`
}

/** A header may be as deep as a frame is long. */
function shownValue(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(asJson(value)) ?? String(value)
  } catch {
    return '(too deep to be shown)'
  }
}
