/**
 * Bare amqplib with the guarantees of the runtime's producer: persistent, mandatory, confirmed in a window of 1000, a
 * checkpoint (fsync, rename, fsync of the folder) behind the confirms. No reconnect, no decoding, no logging.
 *
 * node bench/rivals/bare-producer.ts AMQP_URL QUEUE INPUT CHECKPOINT [follow]
 *
 * Ends with the file; with `follow` it waits for more, until it is killed.
 */
import { watch } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { connect } from 'amqplib'

const [url = '', queue = '', input = '', checkpoint = '', follow] = process.argv.slice(2)
const window = 1000
const checkpointLines = 1000

const connection = await connect(url, { noDelay: true })
const channel = await connection.createConfirmChannel()
channel.on('return', () => {
  throw new Error('unroutable')
})

let sent = 0
let saved = 0
let saving: Promise<void> | null = null
let wake = () => {}
const ends: number[] = []
const done: boolean[] = []
let head = 0

async function save(offset: number): Promise<void> {
  const file = await open(`${checkpoint}.new`, 'w')
  await file.write(JSON.stringify({ offset }))
  await file.sync()
  await file.close()
  await rename(`${checkpoint}.new`, checkpoint)
  const folder = await open(dirname(checkpoint))
  await folder.sync()
  await folder.close()
}

function saveIfDue(): void {
  if (saving || head - saved < checkpointLines) return
  const upTo = head
  saving = save(ends[upTo - 1] as number).then(() => {
    saved = upTo
    saving = null
    saveIfDue()
    wake()
  })
}

function confirmed(index: number): void {
  done[index] = true
  while (done[head]) head++
  saveIfDue()
  wake()
}

async function publish(line: Buffer, offset: number, end: number): Promise<void> {
  while (sent - head >= window || sent - saved >= window + checkpointLines) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  const index = sent++
  ends.push(end)
  done.push(false)
  channel.publish(queue, '', line, { persistent: true, mandatory: true, messageId: `f:${offset}` }, (error) => {
    if (error) throw error
    confirmed(index)
  })
}

let changed = true
let onChange = () => {}
if (follow) {
  watch(input, () => {
    changed = true
    onChange()
  })
  process.stdout.write('ready\n')
}

/** False at the end of a file that is not followed. */
async function more(): Promise<boolean> {
  if (!follow) return false
  if (!changed) {
    await new Promise<void>((resolve) => {
      onChange = resolve
    })
  }
  changed = false
  return true
}

const file = await open(input)
let offset = 0
let rest = Buffer.alloc(0)
for (;;) {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.allocUnsafe(256 * 1024) })
  if (bytesRead === 0) {
    if (await more()) continue
    break
  }
  const chunk = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
  let from = 0
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
    const length = at - from
    await publish(chunk.subarray(from, at), offset, offset + length + 1)
    offset += length + 1
    from = at + 1
  }
  rest = chunk.subarray(from)
}
await file.close()
while (head < sent) {
  await new Promise<void>((resolve) => {
    wake = resolve
  })
}
await saving
await save(offset)
await connection.close()
