import { createHash, createHmac } from 'node:crypto'

/** What AWS's Signature Version 4 covers. */
export interface AwsRequest {
  readonly method: string
  /** Complete address as it goes over the wire, with query. */
  readonly url: string
  /** Headers to sign beside `host` and AWS's own, lower-case names. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string | Uint8Array
  readonly region: string
  /** Name of the service in the scope, e.g. `bedrock`. */
  readonly service: string
  readonly accessKeyId: string
  readonly secret: string
  readonly sessionToken: string | null
  /** Wall clock, ms since the epoch; AWS refuses signatures older than five minutes. */
  readonly nowMs: number
}

const ALGORITHM = 'AWS4-HMAC-SHA256'

/**
 * The headers that make a request a signed one: `x-amz-date`, `x-amz-security-token` where there is a session, and
 * `authorization`. Source: AWS, "Signature Version 4 signing process" (the variant of all services but S3: the path is
 * encoded once more).
 */
export function signAws(request: AwsRequest): [name: string, value: string][] {
  const { method, url, headers, body, region, service, accessKeyId, secret, sessionToken, nowMs } = request
  const address = new URL(url)
  const date = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const added: [string, string][] = [['x-amz-date', date]]
  if (sessionToken !== null) added.push(['x-amz-security-token', sessionToken])
  const signed = [['host', address.host] as const, ...headers, ...added].toSorted(([a], [b]) => order(a, b))
  const names = signed.map(([name]) => name).join(';')
  const canonical = [
    method,
    canonicalPath(address.pathname),
    canonicalQuery(address.search),
    ...signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}`),
    '',
    names,
    sha256(body),
  ].join('\n')
  const day = date.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const key = [day, region, service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secret}`)
  const signature = hmac(key, [ALGORITHM, date, scope, sha256(canonical)].join('\n')).toString('hex')
  const proof = `Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  return [...added, ['authorization', `${ALGORITHM} ${proof}`]]
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')
const hmac = (key: Buffer | string, data: string): Buffer => createHmac('sha256', key).update(data).digest()
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** RFC 3986: everything but letters, digits and `-._~`. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)

/** The path as sent, encoded a second time; empty segments count as one slash. */
const canonicalPath = (path: string): string =>
  path
    .replace(/\/{2,}/g, '/')
    .split('/')
    .map(encode)
    .join('/')

function canonicalQuery(search: string): string {
  if (search.length <= 1) return ''
  const pairs = search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): [string, string] => {
      const at = pair.indexOf('=')
      const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
      return [encode(decode(name)), encode(decode(value))]
    })
  pairs.sort(([a, x], [b, y]) => order(a, b) || order(x, y))
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
