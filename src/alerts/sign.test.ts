import { expect, test } from 'vitest'
import { signed } from './sign.ts'

test('a signature is that of Standard Webhooks, by its published example', () => {
  const message = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    nowMs: 1_614_265_330_999,
    body: '{"test": 2432232314}',
  }
  expect(signed('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', message)).toEqual({
    'webhook-id': message.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('nothing is signed with an empty secret', () => {
  expect(() => signed('whsec_', { id: 'a', nowMs: 0, body: '' })).toThrow(RangeError)
})
