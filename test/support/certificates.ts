import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  /** Paths of files in PEM form. */
  readonly cert: string
  readonly key: string
}

/** Makes certificates with `openssl`, in a folder that goes with {@link dispose}. */
export class Certificates {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'kedafn-certificates-'))
  #made = 0

  /** An authority of its own. */
  authority(name: string): Certificate {
    const [cert, key] = this.#paths()
    this.#openssl('req', '-x509', ...this.#newKey(key), '-subj', `/CN=${name}`, '-days', '2', '-out', cert)
    return { cert, key }
  }

  /** @param days negative for one that has expired */
  signed(
    by: Certificate,
    name: string,
    { days = 2, passphrase }: { days?: number; passphrase?: string } = {},
  ): Certificate {
    const [cert, key] = this.#paths()
    const request = `${cert}.request`
    const extensions = `${cert}.extensions`
    writeFileSync(extensions, `subjectAltName=DNS:${name}\n`)
    this.#openssl('req', ...this.#newKey(key, passphrase), '-subj', `/CN=${name}`, '-out', request)
    const issuer = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial', '-extfile', extensions]
    this.#openssl('x509', '-req', '-in', request, ...issuer, '-days', `${days}`, '-out', cert)
    return { cert, key }
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #paths(): [string, string] {
    const base = join(this.folder, `${++this.#made}`)
    return [`${base}.cert.pem`, `${base}.key.pem`]
  }

  #newKey(key: string, passphrase?: string): string[] {
    const kept = passphrase === undefined ? ['-noenc'] : ['-passout', `pass:${passphrase}`]
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', ...kept, '-keyout', key]
  }

  #openssl(...args: string[]): void {
    try {
      execFileSync('openssl', args, { stdio: 'pipe' })
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      throw missing ? new Error('this test needs the program openssl; install it', { cause: error }) : error
    }
  }
}
