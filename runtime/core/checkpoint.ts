import { FnError } from './errors.ts'

/** How far a source was sent and confirmed. */
export interface Checkpoint {
  /** Names the file's content in message ids. */
  readonly file: string
  /** Device and inode, decimal: how the file is found again after a rename. */
  readonly device: string
  readonly inode: string
  /** The first byte that is not known to be confirmed. Always the begin of a line. */
  readonly offset: number
  /** Hash of bytes before `offset`: tells a file that only grew from another one under the same inode. */
  readonly fingerprint: string
}

const magic = 'kedafn-checkpoint-1'

/** CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320): a flipped byte never passes, a torn text once in 2^32. */
function crc32(value: string): string {
  let crc = 0xffffffff
  for (const byte of new TextEncoder().encode(value)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0')
}

/** Two lines: `kedafn-checkpoint-1 CRC` and the checkpoint as JSON. */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const { file, device, inode, offset, fingerprint } = checkpoint
  const body = JSON.stringify({ file, device, inode, offset, fingerprint })
  return `${magic} ${crc32(body)}\n${body}\n`
}

/** @throws FnError FN_CHECKPOINT_UNUSABLE if it is not, byte for byte, what {@link encodeCheckpoint} wrote. */
export function decodeCheckpoint(stored: string, where: string): Checkpoint {
  try {
    const checkpoint = JSON.parse(stored.slice(stored.indexOf('\n'))) as Checkpoint
    if (encodeCheckpoint(checkpoint) === stored) return checkpoint
  } catch {
    // What does not parse is damaged like anything else.
  }
  throw new FnError(
    'FN_CHECKPOINT_UNUSABLE',
    `${where} is damaged. Put back a good copy, or delete it to send the whole input again`,
  )
}
