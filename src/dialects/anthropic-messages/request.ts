export { type EncodedBody, encodeBody, encodeRequest } from './encode-request.ts'
