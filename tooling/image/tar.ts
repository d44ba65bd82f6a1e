/** What a layer is made of. Everything else in a tar entry is fixed, so that the same files make the same bytes. */
export interface TarEntry {
  /** Without a slash at its beginning; a folder's ends with one. */
  readonly path: string
  readonly mode: number
  readonly content?: Uint8Array
}

const blockBytes = 512

/** A ustar archive, sorted, with the folders above each entry; all of it root's, at the epoch. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const all = new Map<string, TarEntry>()
  for (const entry of entries) {
    const parts = entry.path.replace(/\/$/, '').split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const path = `${parts.slice(0, depth).join('/')}/`
      if (!all.has(path)) all.set(path, { path, mode: 0o755 })
    }
    all.set(entry.path, entry)
  }
  const sorted = [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  const blocks: Uint8Array[] = []
  for (const entry of sorted) {
    const content = entry.content ?? new Uint8Array(0)
    blocks.push(headerOf(entry, content.length), content, new Uint8Array(paddingOf(content.length)))
  }
  blocks.push(new Uint8Array(2 * blockBytes))
  return Buffer.concat(blocks)
}

const paddingOf = (length: number): number => (blockBytes - (length % blockBytes)) % blockBytes

function headerOf({ path, mode }: TarEntry, length: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new RangeError(`a path in an image is at most 100 bytes long: ${path}`)
  const header = Buffer.alloc(blockBytes)
  header.write(path, 0)
  const octal = (value: number, at: number, width: number): void => {
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1')
  }
  octal(mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(length, 124, 12)
  octal(0, 136, 12)
  header.write('        ', 148)
  header.write(path.endsWith('/') ? '5' : '0', 156)
  header.write('ustar\x0000', 257, 'latin1')
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  )
  return header
}

/** The plain files of a tar by path, and its links by the path they lead to. */
export interface TarContent {
  readonly files: ReadonlyMap<string, Buffer>
  readonly links: ReadonlyMap<string, string>
}

/** Reads what npm and Debian write: ustar, and GNU's long names. */
export function readTar(archive: Buffer): TarContent {
  const files = new Map<string, Buffer>()
  const links = new Map<string, string>()
  let longName: string | undefined
  for (let at = 0; at + blockBytes <= archive.length; ) {
    const header = archive.subarray(at, at + blockBytes)
    if (header[0] === 0) break
    const text = (from: number, to: number): string => header.toString('utf8', from, to).replace(/\0.*$/s, '')
    const length = Number.parseInt(text(124, 136).trim(), 8)
    const content = archive.subarray(at + blockBytes, at + blockBytes + length)
    const prefix = text(257, 263) === 'ustar' ? text(345, 500) : ''
    const path = (longName ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`)).replace(/^\.\//, '')
    longName = undefined
    const type = text(156, 157)
    if (type === 'L') longName = content.toString('utf8').replace(/\0.*$/s, '')
    else if (type === '0' || type === '') files.set(path, content)
    else if (type === '2') links.set(path, text(157, 257))
    at += blockBytes + length + paddingOf(length)
  }
  return { files, links }
}
