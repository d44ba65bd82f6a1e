import { safeText } from '../output/safe.ts'
import type { Diagnosis } from './finding.ts'

const wrapped = (text: string, width: number, indent: string): string => {
  const lines: string[] = []
  let line = ''
  for (const word of safeText(text).split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, indent + line].map((one) => `${one}\n`).join('')
}

/** What a person reads of one finding: what, why, what says so, what to type. Commands are not wrapped, so that they can be copied. */
function findingText({ severity, subject, check, what, why, evidence, mend }: Diagnosis, width: number): string {
  return [
    `${severity.toUpperCase()}  ${safeText(subject)}  [${check}]\n`,
    wrapped(what, width, '  '),
    wrapped(why, width, '  '),
    ...evidence.map((one) => wrapped(`- ${one}`, width, '  ')),
    ...mend.map((one) => `  $ ${safeText(one)}\n`),
  ].join('')
}

export interface Report {
  readonly findings: readonly Diagnosis[]
  /** How many checks were made. */
  readonly checks: number
  /** What was not looked at, and why. */
  readonly left: readonly string[]
}

export function reportText({ findings, checks, left }: Report, width: number): string {
  const notes = findings.filter(({ severity }) => severity === 'note').length
  const wrong = findings.length - notes
  const count = wrong === 0 ? 'nothing is wrong' : wrong === 1 ? '1 finding' : `${wrong} findings`
  const last = `${checks} checks: ${count}${notes === 0 ? '' : `, ${notes} ${notes === 1 ? 'note' : 'notes'}`}.\n`
  return [
    ...findings.map((one) => `${findingText(one, width)}\n`),
    ...left.map((one) => wrapped(`Not looked at: ${one}`, width, '')),
    last,
  ].join('')
}
