import { escaped } from '../../dev/svg.ts'
import { type CpuProfile, nameOf, type ProfileNode, selfTimes } from './cpu-profile.ts'

const width = 1400
const rowHeight = 17
/** What is narrower cannot be seen. */
const leastWidth = 0.6

/** A flame graph: each box is a function with what it calls above it, as wide as its share of the time. A title tells each name. */
export function flameGraphOf(profile: CpuProfile, title: string): string {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const self = selfTimes(profile)
  const totals = new Map<number, number>()
  const totalOf = (node: ProfileNode): number => {
    const inner = (node.children ?? []).reduce((sum, id) => sum + totalOf(nodes.get(id) as ProfileNode), 0)
    const total = inner + (self.get(node.id) ?? 0)
    totals.set(node.id, total)
    return total
  }
  const [first] = profile.nodes
  if (!first) return ''
  const all = totalOf(first) || 1
  const boxes: string[] = []
  let deepest = 0
  const draw = (node: ProfileNode, x: number, depth: number): void => {
    const total = totals.get(node.id) ?? 0
    const wide = (total / all) * width
    if (wide < leastWidth) return
    deepest = Math.max(deepest, depth)
    boxes.push(boxOf(node, { x, wide, depth, share: total / all }))
    let at = x
    for (const id of node.children ?? []) {
      draw(nodes.get(id) as ProfileNode, at, depth + 1)
      at += ((totals.get(id) ?? 0) / all) * width
    }
  }
  draw(first, 0, 0)
  const height = (deepest + 3) * rowHeight
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#fff"/><text x="4" y="14">${escaped(title)}</text>`,
    `<g transform="translate(0 ${height - rowHeight})">`,
    ...boxes,
    '</g></svg>\n',
  ].join('\n')
}

interface Place {
  readonly x: number
  readonly wide: number
  readonly depth: number
  readonly share: number
}

function boxOf(node: ProfileNode, { x, wide, depth, share }: Place): string {
  const name = nameOf(node)
  const y = -depth * rowHeight
  const colour =
    node.callFrame.functionName === '(garbage collector)' ? '#b3261e' : node.callFrame.url ? '#f9a825' : '#90a4ae'
  const text =
    wide > 40
      ? `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(name.slice(0, Math.floor(wide / 6.2)))}</text>`
      : ''
  const box = `<rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${rowHeight - 1}" fill="${colour}"/>`
  return `<g><title>${escaped(name)}: ${(100 * share).toFixed(1)} %</title>${box}${text}</g>`
}
