import { isIP } from 'node:net'

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]'])

/** What `server` in the configuration says about names. */
export interface HostRules {
  readonly public: boolean
  /** Lower case, without port. */
  readonly allowedHosts: readonly string[]
}

/**
 * May a request with this Host header be served? Names of this machine and those of `server.allowed_hosts` may: a web
 * page whose name is rebound to 127.0.0.1 arrives under its own name. A public server without such a list takes any.
 */
export function hostAllowed(host: string | undefined, rules: HostRules): boolean {
  if (host === undefined || host.length > 255) return false
  if (rules.public && rules.allowedHosts.length === 0) return true
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase()
  return (
    LOOPBACK_NAMES.has(name) ||
    name.endsWith('.localhost') ||
    isLoopbackAddress(name) ||
    rules.allowedHosts.includes(name)
  )
}

/** 127.0.0.0/8 and ::1, also as IPv4-mapped IPv6. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false
  const plain = address.replace(/^\[|\]$/g, '').replace(/^::ffff:/i, '')
  return isIP(plain) !== 0 && (plain === '::1' || plain.startsWith('127.'))
}
