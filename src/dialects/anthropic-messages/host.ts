import { GatewayError } from '../../chat/index.ts'
import { isObject, type Json, list, object, without } from '../json.ts'
import type { Drops } from './drops.ts'
import type { EncodedBody } from './encode-request.ts'

/** A cloud that serves Claude by the Messages format at addresses of its own, with less than Anthropic's whole API. */
export interface Host {
  /** As people call it. */
  readonly name: string
  /** `anthropic_version` of the body. */
  readonly version: string
  /** Beta features that are taken, by the host's name for them; any other is answered with an error. */
  readonly betas: Readonly<Record<string, string>>
  /** Types of server tools that do not run there. */
  readonly refusedTools: RegExp
  /** Fetches images by URL. */
  readonly fetchesImages: boolean
}

/** Fields of the body that only Anthropic's own API has. */
const ELSEWHERE = ['container', 'mcp_servers', 'service_tier', 'inference_geo', 'fallbacks', 'speed'] as const

/** The model stands in the path, and so does whether the answer is streamed. */
const IN_PATH: ReadonlySet<string> = new Set(['model', 'stream'])

/** A body as a host takes it, with the beta features that go along. */
export interface HostBody {
  readonly body: Json
  readonly betas: readonly string[]
}

/**
 * Adapts a body of the Messages API to a host: version inside, model outside, unknown betas and fields out, and named in
 * `drops`. Throws GatewayError `unprocessable` for files that the host would have to fetch.
 */
export function forHost({ body, betas, drops }: EncodedBody, host: Host): HostBody {
  const adapted: Json = { anthropic_version: host.version, ...without(body, IN_PATH) }
  for (const field of ELSEWHERE) {
    if (adapted[field] === undefined) continue
    delete adapted[field]
    drops.add(field, `${host.name} has no such parameter`)
  }
  dropTools(adapted, host, drops)
  markEnd(adapted)
  refuseFetching(list(adapted['messages']), host)
  return { body: adapted, betas: takenBetas(betas, host, drops) }
}

/** Names that both sides know, each once, in the host's spelling. */
function takenBetas(asked: readonly string[], host: Host, drops: Drops): string[] {
  const taken = new Set<string>()
  for (const name of asked) {
    const known = Object.hasOwn(host.betas, name) ? host.betas[name] : undefined
    if (known === undefined) drops.add('anthropic-beta', `${host.name} does not know ${name.slice(0, 64)}`)
    else taken.add(known)
  }
  return [...taken]
}

function dropTools(body: Json, { refusedTools, name }: Host, drops: Drops): void {
  const tools = list(body['tools'])
  const kept = tools.filter((tool) => !refusedTools.test(String(object(tool)?.['type'] ?? '')))
  if (kept.length === tools.length) return
  drops.add('tools', `a server tool among them does not run on ${name}`)
  const choice = object(body['tool_choice'])
  const chosenIsGone = choice?.['type'] === 'tool' && !kept.some((tool) => named(tool) === choice['name'])
  if (kept.length === 0 || chosenIsGone) delete body['tool_choice']
  if (kept.length === 0) delete body['tools']
  else body['tools'] = kept
}

const named = (tool: unknown): unknown => object(tool)?.['name']

/** Caching by itself is Anthropic's own; a marker at the end of the prompt asks for the same. */
function markEnd(body: Json): void {
  const marker = body['cache_control']
  if (marker === undefined) return
  delete body['cache_control']
  const messages = list(body['messages'])
  const last = object(messages.at(-1))
  const content = last?.['content']
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : list(content)
  const end = object(blocks.at(-1))
  const markable = end !== null && end['type'] !== 'thinking' && end['type'] !== 'redacted_thinking'
  if (last === null || !isObject(marker) || !markable || end['cache_control'] !== undefined) return
  const marked = { ...last, content: [...blocks.slice(0, -1), { ...end, cache_control: marker }] }
  body['messages'] = [...messages.slice(0, -1), marked]
}

function refuseFetching(messages: readonly unknown[], host: Host): void {
  for (const message of messages) {
    for (const block of list(object(message)?.['content'])) {
      checkSource(object(block), host)
      for (const inner of list(object(block)?.['content'])) checkSource(object(inner), host)
    }
  }
}

function checkSource(block: Json | null, { name, fetchesImages }: Host): void {
  const type = object(block?.['source'])?.['type']
  if (type === 'file') {
    throw new GatewayError(
      'unprocessable',
      `${name} keeps no files by id. Send the file itself as a data: URL.`,
    )
  }
  if (type !== 'url' || (block?.['type'] === 'image' && fetchesImages)) return
  throw new GatewayError(
    'unprocessable',
    `${name} does not fetch files from the web. Send them as data: URLs (base64).`,
  )
}
