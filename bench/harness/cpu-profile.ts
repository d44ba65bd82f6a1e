/** What Node writes with `--cpu-prof`, as far as it is read. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface ProfileNode {
  readonly id: number
  readonly callFrame: {
    readonly functionName: string
    readonly url: string
    readonly lineNumber: number
    readonly columnNumber: number
  }
  readonly children?: readonly number[]
}

export const nameOf = ({ callFrame: { functionName, url, lineNumber, columnNumber } }: ProfileNode): string => {
  const file = url.split('/').at(-1)
  return file
    ? `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}:${columnNumber + 1}`
    : functionName || '(anonymous)'
}

/** Time of each node itself, in us, by its id. Idle time is left out. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): ReadonlyMap<number, number> {
  const idle = new Set(nodes.flatMap((node) => (node.callFrame.functionName === '(idle)' ? node.id : [])))
  const times = new Map<number, number>()
  samples.forEach((id, index) => {
    if (!idle.has(id)) times.set(id, (times.get(id) ?? 0) + (timeDeltas[index] ?? 0))
  })
  return times
}

/** The functions that the time went to, the most first, as shares of the time that was not idle. */
export function hottest(
  profile: CpuProfile,
  most: number,
): readonly { readonly name: string; readonly share: number }[] {
  const times = selfTimes(profile)
  const byName = new Map<string, number>()
  for (const node of profile.nodes) {
    const us = times.get(node.id) ?? 0
    if (us > 0) byName.set(nameOf(node), (byName.get(nameOf(node)) ?? 0) + us)
  }
  const total = [...byName.values()].reduce((sum, us) => sum + us, 0)
  return [...byName]
    .map(([name, us]) => ({ name, share: us / total }))
    .sort((a, b) => b.share - a.share)
    .slice(0, most)
}
