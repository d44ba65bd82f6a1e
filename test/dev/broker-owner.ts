/** Provides a broker in the folder it is given, says so, and holds it until it is killed. */
import { provideBroker } from '../../dev/broker.ts'

const [stateDir = ''] = process.argv.slice(2)
await provideBroker({ stateDir, env: process.env, say: () => {} })
process.stdout.write('ready\n')
setInterval(() => {}, 60_000)
