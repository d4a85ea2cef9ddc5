import { transportConformance } from './testing/transport.conformance.ts'
import { createUndiciTransport } from './transport.undici.ts'

transportConformance('undici', () => createUndiciTransport())
