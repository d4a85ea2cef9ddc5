import { transportConformance } from './testing/transport.conformance.ts'
import { createTransport } from './transport.net.ts'

transportConformance('our client', () => createTransport())
