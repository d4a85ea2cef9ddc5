import { describe, expect, it } from 'vitest'
import { hostAllowed, isLoopbackAddress } from './hosts.ts'

const LOOPBACK = { public: false, allowedHosts: [] }

describe('hostAllowed()', () => {
  it.each(['127.0.0.1:7788', 'localhost', 'LOCALHOST:1', '[::1]:7788', 'waybill.localhost:80', '127.8.9.1'])(
    'serves %s on loopback',
    (host) => expect(hostAllowed(host, LOOPBACK)).toBe(true),
  )

  it.each([
    undefined,
    'evil.example',
    '127.0.0.1.nip.io',
    '10.0.0.1:7788',
    'localhost.evil.example',
    '127.evil',
  ])('refuses %s on loopback (DNS rebinding)', (host) => expect(hostAllowed(host, LOOPBACK)).toBe(false))

  it('takes any name on a public server', () => {
    expect(hostAllowed('api.example.com', { public: true, allowedHosts: [] })).toBe(true)
    expect(hostAllowed(undefined, { public: true, allowedHosts: [] })).toBe(false)
  })

  it.each([true, false])('takes the names of server.allowed_hosts and no others (public: %s)', (open) => {
    const rules = { public: open, allowedHosts: ['api.example.com'] }
    expect(hostAllowed('API.example.com:8443', rules)).toBe(true)
    expect(hostAllowed('127.0.0.1:7788', rules)).toBe(true)
    expect(hostAllowed('www.example.com', rules)).toBe(false)
    expect(hostAllowed('api.example.com.evil.example', rules)).toBe(false)
  })
})

describe('isLoopbackAddress()', () => {
  it('knows IPv4, IPv6 and mapped forms', () => {
    expect(['127.0.0.1', '::1', '::ffff:127.0.0.1'].every(isLoopbackAddress)).toBe(true)
    expect(['10.0.0.1', '::2', 'localhost', undefined].some(isLoopbackAddress)).toBe(false)
  })
})
