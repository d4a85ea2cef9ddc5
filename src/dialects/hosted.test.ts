import { describe, expect, test } from 'vitest'
import { dearerWish, withoutHosted } from './hosted.ts'
import type { Json } from './json.ts'

const fn = { type: 'function', name: 'look', parameters: {} }

describe('tools that a provider runs and bills by the call', () => {
  test.each<[string, string, Json, Json, string[], boolean]>([
    [
      'a search of Anthropic',
      'anthropic-messages',
      {
        tools: [
          { name: 'look', input_schema: {} },
          { type: 'web_search_20250305', name: 'web_search' },
        ],
      },
      { tools: [{ name: 'look', input_schema: {} }] },
      ['tools.web_search_20250305'],
      false,
    ],
    [
      'running code at Anthropic, with the container it runs in',
      'anthropic-messages',
      {
        tools: [{ type: 'code_execution_20250825', name: 'code_execution' }],
        tool_choice: { type: 'any' },
        container: { skills: [] },
      },
      { tool_choice: { type: 'any' } },
      ['tools.code_execution_20250825', 'container'],
      true,
    ],
    [
      "the provider's own choice of another model",
      'anthropic-messages',
      { fallbacks: 'default' },
      {},
      ['fallbacks'],
      false,
    ],
    [
      'a choice of the search alone',
      'anthropic-messages',
      {
        tools: [{ name: 'look' }, { type: 'web_search_20260209', name: 'web_search' }],
        tool_choice: { type: 'tool', name: 'web_search' },
      },
      { tools: [{ name: 'look' }], tool_choice: { type: 'tool', name: 'web_search' } },
      ['tools.web_search_20260209'],
      true,
    ],
    [
      'tools of OpenAI, in a namespace too',
      'openai-responses',
      {
        tools: [
          fn,
          { type: 'web_search' },
          { type: 'namespace', name: 'n', tools: [fn, { type: 'file_search', vector_store_ids: ['vs'] }] },
          { type: 'code_interpreter', container: { type: 'auto' } },
          { type: 'image_generation' },
          { type: 'shell', environment: { type: 'container_auto' } },
        ],
        tool_choice: { type: 'web_search' },
      },
      { tools: [fn, { type: 'namespace', name: 'n', tools: [fn] }], tool_choice: { type: 'web_search' } },
      [
        'tools.web_search',
        'tools.file_search',
        'tools.code_interpreter',
        'tools.image_generation',
        'tools.shell',
      ],
      true,
    ],
    [
      'searches of Google, in either spelling',
      'gemini',
      {
        tools: [{ functionDeclarations: [{ name: 'f' }], google_search: {} }, { googleMaps: {} }],
        toolConfig: { functionCallingConfig: { mode: 'AUTO' } },
      },
      {
        tools: [{ functionDeclarations: [{ name: 'f' }] }],
        toolConfig: { functionCallingConfig: { mode: 'AUTO' } },
      },
      ['tools.googleSearch', 'tools.googleMaps'],
      false,
    ],
    [
      'searches that a field of Chat Completions turns on',
      'openai-chat',
      { web_search_options: {}, search_parameters: { mode: 'auto' }, enable_search: true, temperature: 1 },
      { temperature: 1 },
      ['web_search_options', 'search_parameters', 'enable_search'],
      false,
    ],
    [
      'a tool that only one provider of Chat Completions has',
      'openai-chat',
      { tools: [{ type: 'builtin_function', function: { name: '$web_search' } }], tool_choice: 'auto' },
      { tool_choice: 'auto' },
      ['tools.builtin_function'],
      true,
    ],
    [
      'tools that nobody has heard of yet',
      'openai-responses',
      { tools: [fn, { type: 'teleport_preview' }] },
      { tools: [fn] },
      ['tools.teleport_preview'],
      false,
    ],
  ])('%s', (_, dialect, body, left, taken, essential) => {
    const frozen = JSON.stringify(body)
    expect(withoutHosted(dialect, body)).toEqual({ body: left, taken, essential })
    expect(JSON.stringify(body)).toBe(frozen)
  })

  test.each<[string, string, Json]>([
    [
      'tools of Anthropic that the client runs, or that cost tokens only',
      'anthropic-messages',
      {
        tools: [
          { type: 'custom', name: 'look' },
          { type: 'bash_20250124', name: 'bash' },
          { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
          { type: 'computer_20250124', name: 'computer' },
          { type: 'memory_20250818', name: 'memory' },
          { type: 'web_fetch_20250910', name: 'web_fetch' },
          { type: 'tool_search_tool_regex_20251119', name: 'tool_search' },
          { type: 'mcp_toolset', mcp_server_name: 'x' },
        ],
        mcp_servers: [{}],
        container: 'c',
      },
    ],
    [
      'tools of Codex',
      'openai-responses',
      {
        tools: [
          fn,
          { type: 'custom', name: 'apply_patch' },
          { type: 'local_shell' },
          { type: 'shell' },
          { type: 'apply_patch' },
          { type: 'mcp', server_url: 'https://x.test' },
          { type: 'computer_use_preview' },
          { type: 'tool_search' },
        ],
        tool_choice: 'auto',
      },
    ],
    [
      'tools of Google that cost tokens only',
      'gemini',
      { tools: [{ codeExecution: {} }, { url_context: {} }, { computerUse: {} }, { fileSearch: {} }] },
    ],
    [
      'functions, and what is refused by name elsewhere',
      'openai-chat',
      { tools: [{ type: 'function', function: {} }, { type: 'openrouter:web_search' }, { type: 'custom' }] },
    ],
    [
      'a search that is turned off',
      'openai-chat',
      { enable_search: false, search_parameters: { mode: 'off' } },
    ],
    ['a body that is none', 'openai-chat', [] as unknown as Json],
    ['a format that has no tools', 'openai-embeddings', { tools: [{ type: 'web_search' }] }],
  ])('are not: %s', (_, dialect, body) => {
    const { body: left, taken } = withoutHosted(dialect, body)
    expect(taken).toEqual([])
    expect(left).toBe(body)
  })
})

describe('a wish that costs more and may not be left out', () => {
  test.each([
    ['anthropic-messages', { inference_geo: 'us' }, 'inference_geo'],
    ['anthropic-messages', { inference_geo: 'global' }, null],
    ['anthropic-messages', {}, null],
    ['openai-chat', { inference_geo: 'us' }, null],
  ])('of %s in %o is %s', (dialect, body, wish) => {
    expect(dearerWish(dialect, body)).toBe(wish)
  })
})
