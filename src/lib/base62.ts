const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Bytes as one big-endian number in base 62, left-padded with `0` to `length` characters. */
export function base62(bytes: Uint8Array, length: number): string {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  let text = ''
  while (value > 0n) {
    text = ALPHABET[Number(value % 62n)]! + text
    value /= 62n
  }
  return text.padStart(length, '0')
}

/** Random text of base 62 digits, `bytes` long, one byte a digit; the bias of 256 mod 62 costs 0.05 bit a digit. */
export function base62Digits(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += ALPHABET[byte % 62]
  return text
}

/** A whole number in base 62, left-padded with `0` to `length` characters; texts of one length sort as the numbers do. */
export function base62Number(value: number, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest = Math.floor(rest / 62))
    text = ALPHABET[rest % 62]! + text
  return text
}
