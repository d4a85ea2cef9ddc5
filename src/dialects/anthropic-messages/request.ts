export { decodeRequest } from './decode-request.ts'
export { type EncodedBody, encodeBody, encodeRequest } from './encode-request.ts'
