import { describe, expect, it } from 'vitest'
import { hostAllowed, isLoopbackAddress } from './hosts.ts'

describe('hostAllowed()', () => {
  it.each(['127.0.0.1:7788', 'localhost', 'LOCALHOST:1', '[::1]:7788', 'waybill.localhost:80', '127.8.9.1'])(
    'serves %s on loopback',
    (host) => expect(hostAllowed(host, false)).toBe(true),
  )

  it.each([
    undefined,
    'evil.example',
    '127.0.0.1.nip.io',
    '10.0.0.1:7788',
    'localhost.evil.example',
    '127.evil',
  ])('refuses %s on loopback (DNS rebinding)', (host) => expect(hostAllowed(host, false)).toBe(false))

  it('takes any name on a public server', () => {
    expect(hostAllowed('api.example.com', true)).toBe(true)
    expect(hostAllowed(undefined, true)).toBe(false)
  })
})

describe('isLoopbackAddress()', () => {
  it('knows IPv4, IPv6 and mapped forms', () => {
    expect(['127.0.0.1', '::1', '::ffff:127.0.0.1'].every(isLoopbackAddress)).toBe(true)
    expect(['10.0.0.1', '::2', 'localhost', undefined].some(isLoopbackAddress)).toBe(false)
  })
})
