import type { Vector } from './wire.ts'

const FLOAT_BYTES = 4

/** The vector in the encoding that a client asked for; unchanged where it is that already. */
export function encoded(vector: Vector, encoding: 'float' | 'base64'): Vector {
  if (encoding === 'float') return typeof vector === 'string' ? floats(vector) : vector
  return typeof vector === 'string' ? vector : base64(vector)
}

/** Numbers of a base64 text of little-endian 32-bit floats. */
export function floats(text: string): number[] {
  const bytes = Buffer.from(text, 'base64')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const numbers = new Array<number>(Math.floor(bytes.length / FLOAT_BYTES))
  for (let i = 0; i < numbers.length; i++) numbers[i] = view.getFloat32(i * FLOAT_BYTES, true)
  return numbers
}

/** Numbers of a base64 text of signed bytes. */
export function signedBytes(text: string): number[] {
  const bytes = Buffer.from(text, 'base64')
  return Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}

function base64(numbers: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(numbers.length * FLOAT_BYTES)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < numbers.length; i++) view.setFloat32(i * FLOAT_BYTES, numbers[i]!, true)
  return bytes.toString('base64')
}
