import { describe, expect, test } from 'vitest'
import { GatewayError } from '../chat/index.ts'
import type { ClientDialect, UpstreamDialect, WireTarget } from './dialect.ts'
import type { Json } from './json.ts'
import { CLIENT_DIALECTS, DIALECTS, UPSTREAM_DIALECTS } from './registry.ts'

const target: WireTarget = {
  upstreamId: 'some-model',
  maxOutput: 4096,
  quirks: {},
  supportedParameters: null,
}

/** The words that a field is looked for by; they stand nowhere else. */
const MARK = 'marked-by-the-test'

interface Case {
  /** Name in `dropped` where the field cannot be told; null: it always can be. */
  readonly named: RegExp | null
  readonly body: Json
}

const MESSAGES: Json = { model: 'a/b', max_tokens: 64, messages: [{ role: 'user', content: 'Hi' }] }
const TOOL = { name: 'look', input_schema: { type: 'object', properties: {} } }

const message = (...content: Json[]): Json => ({ ...MESSAGES, messages: [{ role: 'user', content }] })

/** Every documented field of the Messages API that holds more than a plain conversation. Source: Anthropic's reference (2026-11). */
const ANTHROPIC: Readonly<Record<string, Case>> = {
  container: { named: /^container$/, body: { ...MESSAGES, container: MARK } },
  context_management: {
    named: /^context_management$/,
    body: { ...MESSAGES, context_management: { edits: [{ type: MARK }] } },
  },
  mcp_servers: {
    named: /^mcp_servers$/,
    body: { ...MESSAGES, mcp_servers: [{ type: 'url', url: 'https://x.test', name: MARK }] },
  },
  inference_geo: { named: /^inference_geo$/, body: { ...MESSAGES, inference_geo: 'global' } },
  speed: { named: /^speed$/, body: { ...MESSAGES, speed: 'fast' } },
  diagnostics: { named: /^diagnostics$/, body: { ...MESSAGES, diagnostics: { previous_message_id: MARK } } },
  'output_config.task_budget': {
    named: /^output_config\.task_budget$/,
    body: { ...MESSAGES, output_config: { task_budget: { type: 'tokens', total: 1 } } },
  },
  'fallbacks: default': { named: /^fallbacks$/, body: { ...MESSAGES, fallbacks: 'default' } },
  'a hosted tool': {
    named: /^tools\.web_search_20250305$/,
    body: { ...MESSAGES, tools: [TOOL, { type: 'web_search_20250305', name: 'web_search', max_uses: 2 }] },
  },
  'a tool of Anthropic that the client runs': {
    named: /^tools\.bash_20250124$/,
    body: { ...MESSAGES, tools: [TOOL, { type: 'bash_20250124', name: 'bash' }] },
  },
  'tools.defer_loading': {
    named: /^tools\.defer_loading$/,
    body: { ...MESSAGES, tools: [{ ...TOOL, defer_loading: true }] },
  },
  'tools.input_examples': {
    named: /^tools\.input_examples$/,
    body: { ...MESSAGES, tools: [{ ...TOOL, input_examples: [{ a: MARK }] }] },
  },
  'tools.allowed_callers': {
    named: /^tools\.allowed_callers$/,
    body: { ...MESSAGES, tools: [{ ...TOOL, allowed_callers: ['code_execution_20250825'] }] },
  },
  'document.context': {
    named: /^document\.context$/,
    body: message({
      type: 'document',
      context: MARK,
      source: { type: 'text', media_type: 'text/plain', data: 'x' },
    }),
  },
  'document.citations': {
    named: /^citations$/,
    body: message({
      type: 'document',
      citations: { enabled: true },
      source: { type: 'text', media_type: 'text/plain', data: 'x' },
    }),
  },
  'image by file id': {
    named: /^messages$/,
    body: message({ type: 'image', source: { type: 'file', file_id: MARK } }),
  },
  container_upload: { named: /^messages$/, body: message({ type: 'container_upload', file_id: MARK }) },
  search_result: {
    named: null,
    body: message({
      type: 'search_result',
      source: 'https://x.test',
      title: 't',
      content: [{ type: 'text', text: MARK }],
    }),
  },
  'server tool in the history': {
    named: /^messages$/,
    body: {
      ...MESSAGES,
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: [
            { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: MARK } },
            { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
            { type: 'text', text: 'x' },
          ],
        },
        { role: 'user', content: 'Go on' },
      ],
    },
  },
}

const CONTENTS: Json = { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] }

/** Every documented field of generateContent beyond a plain conversation. Source: Google's reference (2026-11). */
const GEMINI: Readonly<Record<string, Case>> = {
  safetySettings: {
    named: /^safetySettings$/,
    body: { ...CONTENTS, safetySettings: [{ category: MARK, threshold: 'BLOCK_NONE' }] },
  },
  cachedContent: { named: /^cachedContent$/, body: { ...CONTENTS, cachedContent: MARK } },
  modelArmorConfig: { named: /^modelArmorConfig$/, body: { ...CONTENTS, modelArmorConfig: { x: MARK } } },
  'toolConfig.retrievalConfig': {
    named: /^toolConfig\.retrievalConfig$/,
    body: { ...CONTENTS, toolConfig: { retrievalConfig: { languageCode: MARK } } },
  },
  googleSearch: { named: /^tools\.googleSearch$/, body: { ...CONTENTS, tools: [{ googleSearch: {} }] } },
  'google_search in snake case': {
    named: /^tools\.googleSearch$/,
    body: { ...CONTENTS, tools: [{ google_search: {} }] },
  },
  codeExecution: { named: /^tools\.codeExecution$/, body: { ...CONTENTS, tools: [{ codeExecution: {} }] } },
  urlContext: { named: /^tools\.urlContext$/, body: { ...CONTENTS, tools: [{ urlContext: {} }] } },
  'generationConfig.speechConfig': {
    named: /^generationConfig\.speechConfig$/,
    body: { ...CONTENTS, generationConfig: { speechConfig: { voiceConfig: MARK } } },
  },
  'generationConfig.mediaResolution': {
    named: /^generationConfig\.mediaResolution$/,
    body: { ...CONTENTS, generationConfig: { mediaResolution: MARK } },
  },
  'a function that answers without blocking': {
    named: /^tools\.behavior$/,
    body: { ...CONTENTS, tools: [{ functionDeclarations: [{ name: 'f', behavior: 'NON_BLOCKING' }] }] },
  },
  'a schema of the response of a function': {
    named: /^tools\.response$/,
    body: { ...CONTENTS, tools: [{ functionDeclarations: [{ name: 'f', response: { type: 'STRING' } }] }] },
  },
  'code run in the history': {
    named: /^messages$/,
    body: {
      contents: [
        { role: 'user', parts: [{ text: 'Hi' }] },
        {
          role: 'model',
          parts: [{ executableCode: { language: 'PYTHON', code: MARK } }, { text: 'x' }],
        },
        { role: 'user', parts: [{ text: 'Go on' }] },
      ],
    },
  },
  'a piece of a video': {
    named: /^contents\.videoMetadata$/,
    body: {
      contents: [
        {
          role: 'user',
          parts: [
            { text: 'Hi' },
            {
              fileData: { mimeType: 'video/mp4', fileUri: 'https://x.test/v.mp4' },
              videoMetadata: { startOffset: '3s' },
            },
          ],
        },
      ],
    },
  },
}

const INPUT: Json = { model: 'a/b', input: 'Hi', store: false }

/** Every documented field of the Responses API beyond a plain conversation. Source: OpenAI's reference (2026-11). */
const RESPONSES: Readonly<Record<string, Case>> = {
  truncation: { named: /^truncation$/, body: { ...INPUT, truncation: 'auto' } },
  max_tool_calls: { named: /^max_tool_calls$/, body: { ...INPUT, max_tool_calls: 3 } },
  prompt_cache_retention: {
    named: /^prompt_cache_retention$/,
    body: { ...INPUT, prompt_cache_retention: '24h' },
  },
  context_management: {
    named: /^context_management$/,
    body: { ...INPUT, context_management: [{ type: 'compaction', compact_threshold: 1000 }] },
  },
  moderation: { named: /^moderation$/, body: { ...INPUT, moderation: { model: MARK } } },
  ...Object.fromEntries(
    [
      'web_search',
      'file_search',
      'code_interpreter',
      'image_generation',
      'mcp',
      'computer_use_preview',
      'shell',
    ].map((type): [string, Case] => [
      type,
      { named: new RegExp(`^tools\\.${type}$`), body: { ...INPUT, tools: [{ type, vector_store_ids: [] }] } },
    ]),
  ),
  'tool_choice of a hosted tool': {
    named: /^tool_choice$/,
    body: { ...INPUT, tools: [{ type: 'web_search' }], tool_choice: { type: 'web_search' } },
  },
  'a compaction in the history': {
    named: /^messages$/,
    body: {
      ...INPUT,
      input: [
        { type: 'compaction', encrypted_content: MARK },
        { role: 'user', content: 'Go on' },
      ],
    },
  },
  'a search in the history': {
    named: /^messages$/,
    body: {
      ...INPUT,
      input: [
        { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: MARK } },
        { role: 'user', content: 'Go on' },
      ],
    },
  },
  'include of search sources': {
    named: /^include$/,
    body: { ...INPUT, include: ['web_search_call.action.sources'] },
  },
}

const CHAT: Json = { model: 'a/b', messages: [{ role: 'user', content: 'Hi' }] }

/** Fields of Chat Completions that other formats lack. Source: OpenAI's reference and providers' additions (2026-11). */
const COMPLETIONS: Readonly<Record<string, Case>> = {
  web_search_options: {
    named: /^web_search_options$/,
    body: { ...CHAT, web_search_options: { search_context_size: MARK } },
  },
  prediction: { named: /^prediction$/, body: { ...CHAT, prediction: { type: 'content', content: MARK } } },
  prompt_cache_retention: {
    named: /^prompt_cache_retention$/,
    body: { ...CHAT, prompt_cache_retention: MARK },
  },
  'a field of one provider': { named: /^guided_regex$/, body: { ...CHAT, guided_regex: MARK } },
  functions: { named: /^functions$/, body: { ...CHAT, functions: [{ name: MARK }] } },
  'a tool that takes free text': {
    named: /^tools\.custom$/,
    body: { ...CHAT, tools: [{ type: 'custom', custom: { name: MARK } }] },
  },
}

/** What a request of one format becomes in another: its text, what was named as lost, or that it was refused. */
function encoded(client: ClientDialect, upstream: UpstreamDialect, body: Json) {
  const path = client.id === 'gemini' ? '/models/a/b:generateContent' : '/x'
  const chat = client.decodeRequest(body, { path, query: '' })
  try {
    const { body: wire, dropped } = upstream.encodeRequest(chat, target)
    return { wire: JSON.stringify(wire), dropped: dropped.map(({ parameter }) => parameter), refused: false }
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown
    return { wire: '', dropped: [], refused: true }
  }
}

/** Hosts of the Messages API: they are given its own fields. */
const HOSTS_OF_MESSAGES = ['bedrock-invoke', 'vertex-messages']

describe.each([
  ['anthropic-messages', ANTHROPIC],
  ['gemini', GEMINI],
  ['openai-responses', RESPONSES],
  ['openai-chat', COMPLETIONS],
] as const)('a field of %s', (id, fields) => {
  const client = CLIENT_DIALECTS.get(id)!
  const others = [...UPSTREAM_DIALECTS.values()].filter(
    (dialect) =>
      dialect.id !== id && !(id === 'anthropic-messages' && HOSTS_OF_MESSAGES.includes(dialect.id)),
  )

  test.each(Object.entries(fields))(
    '%s reaches another format, is named as lost, or is refused',
    (_, { named, body }) => {
      for (const upstream of others) {
        const { wire, dropped, refused } = encoded(client, upstream, body)
        const told =
          refused || (named === null ? wire.includes(MARK) : dropped.some((name) => named.test(name)))
        expect({ to: upstream.id, told, dropped }).toEqual({ to: upstream.id, told: true, dropped })
      }
    },
  )

  test.each(Object.entries(fields))('%s passes to the same format', (_, { body }) => {
    const plain = JSON.stringify(body)
    if (!plain.includes(MARK)) return
    expect(encoded(client, DIALECTS.get(id)!, body).wire).toContain(MARK)
  })
})
