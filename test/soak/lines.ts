/** `npm run soak:lines -- [LINES]`: so many lines, 400,000 if not said, through three faults of broker and network. */
import { longRun } from './long-run.ts'

const count = Number(process.argv[2] ?? 400_000)
if (!Number.isSafeInteger(count) || count < 10_000) {
  process.stderr.write('give a number of lines, at least 10000\n')
  process.exit(2)
}
const result = await longRun(count, (line) => process.stdout.write(`${line}\n`))
process.stdout.write(`${JSON.stringify(result)}\n`)
const { missing, strangers, ordered, repeated, faults } = result
process.exitCode = missing === 0 && strangers === 0 && ordered && repeated <= faults * (1000 + 1000) ? 0 : 1
