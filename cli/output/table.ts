import { fitted, safeText, widthOf } from './safe.ts'

export interface Column {
  readonly title: string
  /** @default left; numbers go right */
  readonly align?: 'right'
  /** It gives way where the terminal is too narrow. One column at most. */
  readonly flexible?: true
}

const gap = '  '
/** A flexible column is cut no narrower than this. */
const narrowest = 10

/**
 * A table of aligned columns without borders, its cells made safe for the terminal. Ends with a line break.
 * @param width columns of the terminal; null where nothing is cut
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number | null): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(safeText))]
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => widthOf(row[index] ?? ''))))
  const flexible = columns.findIndex((column) => column.flexible)
  if (width !== null && flexible !== -1) {
    const others = widths.reduce((sum, one, index) => sum + (index === flexible ? 0 : one + gap.length), 0)
    widths[flexible] = Math.max(
      Math.min(narrowest, widths[flexible] ?? 0),
      Math.min(widths[flexible] ?? 0, width - others),
    )
  }
  return cells.map((row) => `${lineOf(columns, row, widths).trimEnd()}\n`).join('')
}

function lineOf(columns: readonly Column[], row: readonly string[], widths: readonly number[]): string {
  return columns
    .map(({ align }, index) => {
      const text = fitted(row[index] ?? '', widths[index] ?? 0)
      const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - widthOf(text)))
      return align === 'right' ? padding + text : text + padding
    })
    .join(gap)
}

/** A number with its thousands apart: 12,345. */
export const grouped = (value: number): string => value.toLocaleString('en-US')
