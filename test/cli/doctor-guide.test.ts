import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { checks } from '../../cli/doctor/checks/index.ts'
import { openVhost } from '../support/broker.ts'

const root = join(import.meta.dirname, '..', '..')
const path = join(root, 'docs', 'howto', 'why-does-it-not-scale.md')
const guide = readFileSync(path, 'utf8')
const blocks = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)

test('the guide lists every check with what it looks for', () => {
  const rows = checks.map(({ id, title, passing }) => `| \`${id}\` | ${title} | ${passing ? 'twice' : ''} |\n`)
  const table = `\n| check | looks for | looked at |\n|---|---|---|\n${rows.join('')}`
  const [begin, end] = ['<!-- checks -->\n', '<!-- end -->']
  const [from, to] = [guide.indexOf(begin) + begin.length, guide.indexOf(end)]
  if (process.env.KEDAFN_GOLDEN === 'renew') writeFileSync(path, `${guide.slice(0, from)}${table}\n${guide.slice(to)}`)
  else assert.equal(guide.slice(from, to).trim(), table.trim(), 'npm run golden writes it anew')
})

test("the guide's commands do in their order what it says", { timeout: 280_000 }, async (t) => {
  assert.ok(blocks.length >= 5)
  const vhost = await openVhost('guide')
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-guide-'))
  t.after(async () => {
    rmSync(folder, { recursive: true, force: true })
    await vhost.dispose()
  })
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    // Whatever cluster this machine knows is not meant.
    KUBECONFIG: '/dev/null',
    AMQP_URL: vhost.url,
    KEDAFN_MANAGEMENT_URL: vhost.managementUrl,
  }
  const results: string[] = []
  for (const block of blocks) {
    // n.b. npx takes a second to come to the same, and writes into its home.
    const script = block
      .replaceAll('npx kedafn', join(root, 'cli', 'kedafn'))
      .replace('> doctor.json', `> ${join(folder, 'doctor.json')}`)
    // Something is found or not, as the broker is at that moment: both are what doctor is for.
    const tolerant = script.replace(/^(\S+kedafn doctor[^|\n]*)$/gm, '$1 || test $? -eq 3')
    const { stdout } = await promisify(execFile)('sh', ['-ec', tolerant], { cwd: root, env })
    results.push(stdout)
  }
  assert.match(results[0] ?? '', /\[queue-missing\]/)
  assert.match(results.join('\n'), /all 10 stand as the specs want them/)
  assert.match(results.join('\n'), /2 messages wait and nobody consumes/)
  const { findings } = JSON.parse(readFileSync(join(folder, 'doctor.json'), 'utf8'))
  assert.deepEqual(
    findings.map(({ check }: { check: string }) => check),
    ['no-consumers'],
  )
})
