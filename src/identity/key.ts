import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { base62 } from '../lib/index.ts'

/** Every key of ours starts so; one that does is never taken as a provider's. */
export const KEY_PREFIX = 'sk-wb-v1-'

/** 43 base 62 digits hold 256 bits, 6 hold a CRC-32. */
const SECRET_DIGITS = 43
const CHECK_DIGITS = 6
const FORM = new RegExp(`^${KEY_PREFIX}[0-9A-Za-z]{${SECRET_DIGITS + CHECK_DIGITS}}$`)

/** A new key: prefix, 256 random bits and a checksum in base 62. Shown once, stored only as `keyHash`. */
export function mintKey(random: Uint8Array = randomBytes(32)): string {
  const secret = base62(random, SECRET_DIGITS)
  return `${KEY_PREFIX}${secret}${checksum(secret)}`
}

/** True for text that has the form and checksum of a key: refuses typos before any look-up. */
export function isKeyShaped(text: string): boolean {
  if (!FORM.test(text)) return false
  const body = text.slice(KEY_PREFIX.length)
  return checksum(body.slice(0, SECRET_DIGITS)) === body.slice(SECRET_DIGITS)
}

/** SHA-256 of the key, lower-case hex: what is stored, looked up and shown as `hash` (OpenRouter's rule, so clients can compute it). */
export function keyHash(key: string): string {
  return hash('sha256', key, 'hex')
}

/** What lists show: `sk-wb-v1-abc...123`. */
export function keyLabel(key: string): string {
  return `${key.slice(0, KEY_PREFIX.length + 3)}...${key.slice(-3)}`
}

function checksum(secret: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(secret))
  return base62(bytes, CHECK_DIGITS)
}
