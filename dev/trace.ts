import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { dirname, relative, resolve } from 'node:path'

/**
 * Turns places in a minified bundle, as they stand in a stack, into places in the sources. Done here, once something went
 * wrong: a process that runs with --enable-source-maps takes a quarter more memory all the time.
 */
export function traceToSources(lines: readonly string[], bundlePath: string, root: string): readonly string[] {
  const readable = lines.filter(isReadable)
  if (!readable.some((line) => line.includes(bundlePath))) return readable
  const map = readMap(`${bundlePath}.map`)
  if (!map) return readable
  return readable.map((line) => {
    const at = line.indexOf(`${bundlePath}:`)
    const place = /^:(\d+):(\d+)/.exec(line.slice(at + bundlePath.length))
    if (at === -1 || !place) return line
    const origin = map.findOrigin(Number(place[1]), Number(place[2]))
    if (!('fileName' in origin)) return line
    const source = relative(root, resolve(dirname(bundlePath), origin.fileName))
    const rest = line.slice(at + bundlePath.length + place[0].length)
    return `${line.slice(0, at)}${source}:${origin.lineNumber}:${origin.columnNumber}${rest}`
  })
}

/** Node.js shows the line of code that failed: of a minified file that is no help. */
const isReadable = (line: string): boolean => line.length < 300 && !/^\s*\^*$/.test(line)

function readMap(path: string): SourceMap | null {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return null
  }
}
