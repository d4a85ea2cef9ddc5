import { isIP } from 'node:net'

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * May a request with this Host header be served? On loopback only names of this machine are (a web page whose name is
 * rebound to 127.0.0.1 arrives under its own name); a public server takes any name.
 */
export function hostAllowed(host: string | undefined, isPublic: boolean): boolean {
  if (isPublic) return host !== undefined && host.length <= 255
  if (host === undefined) return false
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase()
  return LOOPBACK_NAMES.has(name) || name.endsWith('.localhost') || isLoopbackAddress(name)
}

/** 127.0.0.0/8 and ::1, also as IPv4-mapped IPv6. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false
  const plain = address.replace(/^\[|\]$/g, '').replace(/^::ffff:/i, '')
  return isIP(plain) !== 0 && (plain === '::1' || plain.startsWith('127.'))
}

/** CORS for inference, models and key exchange: any origin, never credentials. */
export const CORS_HEADERS: Record<string, string> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': '*, authorization',
  'access-control-expose-headers': 'x-generation-id, retry-after, x-waybill-simulated, x-waybill-route',
  'access-control-max-age': '86400',
}
