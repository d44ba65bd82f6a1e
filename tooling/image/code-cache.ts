import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BuildError } from '../functions.ts'
import { trainingBroker } from './training-broker.ts'

/** Both the start of an image and the training compile this, or the cache of the one would not be the other's. */
const compile = (options: string): string =>
  [
    `const{readFileSync,writeFileSync}=require('node:fs'),vm=require('node:vm'),{wrap}=require('node:module')`,
    `const source=readFileSync(__dirname+'/function.cjs','latin1')`,
    `const script=new vm.Script(wrap(source),{filename:'/app/function.cjs',`,
    `importModuleDynamically:vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,${options}})`,
  ].join('\n')
const call = `script.runInThisContext()(exports,require,module,__dirname+'/function.cjs',__dirname)\n`

/** `start.cjs`: a function with its code cache. n.b. V8 refuses a cache that is not its own, and compiles then. */
export const startSource = `${compile(`cachedData:readFileSync(__dirname+'/function.cache')`)}\n${call}`

/** The user's own code is left out: it must not act on the world because an image is built. */
const trainingSource = `${compile('')}
const stand={setup:()=>{},decode:()=>'',handle:()=>{},encode:()=>Buffer.alloc(1),map:()=>({body:''})}
module.training=(spec)=>({...spec,env:{},...Object.fromEntries(Object.entries(stand).filter(([key])=>key in spec))})
process.on('exit',()=>writeFileSync(__dirname+'/function.cache',script.createCachedData()))
${call}`

const trainingTimeoutMs = 60_000

/**
 * What V8 made of a bundle once it has started, connected and settled a delivery, for this machine's kind of Node alone.
 * @param bundle its `function.cjs`
 * @throws BuildError with what the function said if it does not come through
 */
export async function codeCacheOf(name: string, bundle: string): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-training-'))
  const broker = await trainingBroker()
  try {
    writeFileSync(join(folder, 'function.cjs'), readFileSync(bundle))
    writeFileSync(join(folder, 'training.cjs'), trainingSource)
    writeFileSync(join(folder, 'input.txt'), 'a line\n')
    // n.b. By the seed V8 lays out its tables, so the same bundle makes the same bytes; it may be another when they are used.
    await promisify(execFile)(process.execPath, ['--random-seed=1', 'training.cjs'], {
      cwd: folder,
      timeout: trainingTimeoutMs,
      env: {
        AMQP_URL: broker.url,
        KEDAFN_MAX_DELIVERIES: '1',
        KEDAFN_ONCE: 'true',
        OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
        OTEL_EXPORTER_PROMETHEUS_PORT: '0',
      },
    })
    return readFileSync(join(folder, 'function.cache'))
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error as Error & { stdout?: string; stderr?: string }
    throw new BuildError(`${name} does not come through its training: ${message}\n${stdout}${stderr}`.trimEnd())
  } finally {
    broker.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
