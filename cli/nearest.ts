/** The known name that a mistyped one was most likely meant to be, or null if none is near. */
export function nearest(typed: string, known: readonly string[]): string | null {
  const started = known.filter((name) => typed.length >= 2 && name.startsWith(typed))
  if (started.length === 1) return started[0] ?? null
  const [best] = known
    .map((name) => ({ name, distance: distanceOf(typed, name) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.max(name.length, typed.length) / 3)))
    .sort((one, other) => one.distance - other.distance)
  return best?.name ?? null
}

/** Letters to insert, leave out or replace, or neighbours to swap, until one is the other. */
function distanceOf(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let row = 1; row <= one.length; row++) {
    const cells = [row]
    rows.push(cells)
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1]
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      cells[column] = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
        swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
      )
    }
  }
  return at(one.length, other.length)
}
