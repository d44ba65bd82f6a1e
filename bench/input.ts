import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, type Dirent, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes `lines` lines of `bytes` bytes with their newline that look like a log's, the same ones each time; of fewer, of those alone. */
export async function writeInput(path: string, lines: number, bytes = 100): Promise<void> {
  const out = createWriteStream(path)
  let seed = 42
  const next = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    return seed
  }
  for (let i = 0; i < lines; i++) {
    const level = ['INFO', 'INFO', 'INFO', 'WARN', 'ERROR'][next() % 5]
    const line = `2026-01-01T00:00:00.${String(i).padStart(9, '0')}Z ${level} request=${next().toString(36)} took=${next() % 900}ms`
    if (!out.write(`${line.padEnd(bytes - 1, '.').slice(0, bytes - 1)}\n`)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

/** Where a Debian or macOS machine keeps text that people and programs wrote. */
const placesOfText = [
  '/var/log',
  '/var/lib/dpkg',
  '/usr/share/doc',
  '/usr/share/perl',
  '/usr/share/zoneinfo',
  '/usr/lib/git-core',
  '/System/Library',
  '/usr/share',
]

/**
 * Writes at least `lines` lines and `bytes` bytes of what the machine holds: logs, package databases, documentation, source
 * text and programs, whose bytes are lines as well. Ends with a newline.
 */
export async function writeRealInput(
  path: string,
  lines: number,
  bytes: number,
): Promise<{ lines: number; bytes: number }> {
  const out = createWriteStream(path)
  const seen = { lines: 0, bytes: 0 }
  for (const file of walk(placesOfText)) {
    if (seen.lines >= lines && seen.bytes >= bytes) break
    const content = await readFile(file).catch(() => null)
    if (!content || content.length === 0) continue
    const ended = content.at(-1) === 10 ? content : Buffer.concat([content, Buffer.from('\n')])
    for (let at = ended.indexOf(10); at !== -1; at = ended.indexOf(10, at + 1)) seen.lines++
    seen.bytes += ended.length
    if (!out.write(ended)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
  if (seen.lines < lines || seen.bytes < bytes) throw new Error(`this machine holds only ${seen.lines} lines of text`)
  return seen
}

function* walk(folders: readonly string[]): Generator<string> {
  for (const folder of folders) {
    const entries = readDirectory(folder).toSorted((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isFile()) yield path
      else if (entry.isDirectory()) yield* walk([path])
    }
  }
}

function readDirectory(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}
