// Secrets at rest: AES-256-GCM with a key file of mode 0600 made at first start. The associated data names the row and
// field, so that a value moved to another row does not decrypt.

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BaramError } from '../core/errors.ts'

const VERSION = 'b1'

export interface SecretBox {
  /** First 8 hex digits of the key's hash: stands in each envelope, so that a wrong key is told from damage. */
  readonly keyId: string
  seal(plain: string, aad: string): string
  /** @throws BaramError SECRET_KEY | SECRET_CORRUPT */
  open(envelope: string, aad: string): string
}

export function secretBox(key: Buffer): SecretBox {
  if (key.length !== 32) throw new BaramError('SECRET_KEY', `the secret key must have 32 bytes, found ${key.length}`)
  const keyId = createHash('sha256').update(key).digest('hex').slice(0, 8)
  return {
    keyId,
    seal(plain, aad) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad))
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return [
        VERSION,
        keyId,
        nonce.toString('base64url'),
        Buffer.concat([body, cipher.getAuthTag()]).toString('base64url'),
      ].join('.')
    },
    open(envelope, aad) {
      const [version, id, nonce = '', body = ''] = envelope.split('.')
      if (version !== VERSION) throw new BaramError('SECRET_CORRUPT', `${aad} is not an envelope of this version`)
      if (id !== keyId)
        throw new BaramError(
          'SECRET_KEY',
          `${aad} was sealed with key ${id}, but the key file holds ${keyId}; put the right key file back`,
        )
      const data = Buffer.from(body, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url')).setAAD(Buffer.from(aad))
      try {
        decipher.setAuthTag(data.subarray(-16))
        return Buffer.concat([decipher.update(data.subarray(0, -16)), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new BaramError(
          'SECRET_CORRUPT',
          `${aad} cannot be decrypted: it was changed, or moved from another row`,
          { cause },
        )
      }
    },
  }
}

function readKey(path: string): Buffer {
  const mode = statSync(path).mode & 0o077
  if (mode !== 0)
    throw new BaramError(
      'SECRET_KEY',
      `the key file ${path} can be read by others (mode ${(statSync(path).mode & 0o777).toString(8)}); run chmod 600 on it`,
    )
  const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'hex')
  if (key.length !== 32)
    throw new BaramError('SECRET_KEY', `the key file ${path} does not hold 64 hex digits; restore it from a backup`)
  return key
}

/** The key of `name` below the home; with `create`, made whole or not at all. @throws BaramError SECRET_KEY */
export function loadKey(home: string, name: string, create: boolean): Buffer {
  const path = join(home, 'keys', `${name}.key`)
  try {
    return readKey(path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    if (!create)
      throw new BaramError(
        'SECRET_KEY',
        `there is no key file ${path}; \`dagctl db init\` or \`dagctl standalone\` makes one, an existing deployment must bring its own`,
      )
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  const fd = openSync(temporary, 'wx', 0o600)
  writeSync(fd, `${randomBytes(32).toString('hex')}\n`)
  fsyncSync(fd)
  closeSync(fd)
  try {
    linkSync(temporary, path) // Fails when another process was first: then its key is the key.
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    rmSync(temporary)
  }
  return readKey(path)
}
