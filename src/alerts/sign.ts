import { createHmac } from 'node:crypto'

/**
 * The headers of Standard Webhooks: an id that stays the same over all tries, the time of this try, and
 * `v1,base64(HMAC-SHA256(id.timestamp.body))`.
 * @param secret `whsec_` and base64
 */
export function signed(
  secret: string,
  message: { readonly id: string; readonly nowMs: number; readonly body: string },
): Record<string, string> {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  if (key.length === 0) throw new RangeError('a webhook without a secret cannot be signed')
  const timestamp = String(Math.floor(message.nowMs / 1000))
  const mac = createHmac('sha256', key).update(`${message.id}.${timestamp}.${message.body}`)
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${mac.digest('base64')}`,
  }
}
