/**
 * The tests that speak to a broker, over several of them: `npm run test:versions -- AMQP_URL MANAGEMENT_URL [AMQP_URL MANAGEMENT_URL …]`,
 * for instance one of each RabbitMQ version that must work. Prints which version it was, and what failed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { managedVersion } from '../dev/broker/management.ts'

const root = join(import.meta.dirname, '..')
const addresses = process.argv.slice(2)
if (addresses.length === 0 || addresses.length % 2 !== 0) {
  process.stderr.write('give an AMQP URL and the URL of its management, for each broker\n')
  process.exit(2)
}

let failed = 0
for (let at = 0; at < addresses.length; at += 2) {
  const [amqpUrl = '', managementUrl = ''] = addresses.slice(at, at + 2)
  const version = await managedVersion(managementUrl)
  process.stdout.write(`\n# RabbitMQ ${version}\n`)
  const env = { ...process.env, AMQP_URL: amqpUrl, KEDAFN_TEST_MANAGEMENT_URL: managementUrl }
  const args = [join(root, 'test', 'run.ts'), 'test/broker', 'test/process']
  const [code] = await once(spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' }), 'exit')
  process.stdout.write(`# RabbitMQ ${version}: ${code === 0 ? 'all tests pass' : 'tests failed'}\n`)
  if (code !== 0) failed++
}
process.exitCode = failed === 0 ? 0 : 1
