import { transportConformance } from './transport.conformance.ts'
import { createUndiciTransport } from './transport.undici.ts'

transportConformance('undici', () => createUndiciTransport())
