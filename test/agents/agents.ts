import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Call } from './formats/format.ts'

/** Where an agent goes, as whom, and where it works. */
export interface Post {
  /** Of the gateway, without a path. */
  readonly url: string
  readonly key: string
  readonly model: string
  /** A home of its own. */
  readonly home: string
  /** The folder that it works in. */
  readonly project: string
  readonly prompt: string
}

/** How an agent is started after it has been set up. */
export interface Start {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Agent {
  readonly name: string
  /** Package that carries its version. */
  readonly package: string
  /** The program below node_modules, most fitting first; what ends in .js runs on Node. */
  readonly programs: (platform: string, arch: string) => readonly string[]
  /** Calls of the tool that reads `file` and of the one that writes `text` to it, as far as it offers them. */
  read(file: string): Call
  write(file: string, text: string, offered: ReadonlyMap<string, string>): Call
  /** Writes its settings and says how to start it without a terminal. */
  start(post: Post): Start
  /** Starts it so that it has tokens counted and asks no model; absent: it never counts over a network. */
  count?(post: Post): Start
}

function put(file: string, content: string | object): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2))
}

/** What the models hold, as agents that don't know them are told; tokens. */
const WINDOW = 131_072

/** A patch that adds a file of one line. */
const patchOf = (file: string, text: string) =>
  `*** Begin Patch\n*** Add File: ${file}\n+${text}\n*** End Patch\n`

const claudeEnv = ({ url, key, model }: Post): Start['env'] => ({
  ANTHROPIC_BASE_URL: `${url}/api`,
  ANTHROPIC_AUTH_TOKEN: key,
  ANTHROPIC_API_KEY: '',
  ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
  CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1',
  CLAUDE_CODE_AUTO_COMPACT_WINDOW: String(WINDOW),
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
})

export const claudeCode: Agent = {
  name: 'Claude Code',
  package: '@anthropic-ai/claude-code',
  programs: (platform, arch) => [
    `@anthropic-ai/claude-code-${platform}-${arch}/claude${platform === 'win32' ? '.exe' : ''}`,
  ],
  read: (file) => ({ name: 'Read', input: { file_path: file } }),
  write: (file, text) => ({ name: 'Write', input: { file_path: file, content: `${text}\n` } }),
  start: (post) => ({
    args: ['--print', post.prompt, '--model', post.model, '--allowedTools', 'Read', 'Write'],
    env: claudeEnv(post),
  }),
  count: (post) => ({ args: ['--print', '/context', '--model', post.model], env: claudeEnv(post) }),
}

const TRIPLES: Readonly<Record<string, string>> = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
  'win32-x64': 'x86_64-pc-windows-msvc',
  'win32-arm64': 'aarch64-pc-windows-msvc',
}

export const codex: Agent = {
  name: 'Codex',
  package: '@openai/codex',
  programs: (platform, arch) => {
    const name = `${platform}-${arch}`
    return [`@openai/codex-${name}/vendor/${TRIPLES[name]}/bin/codex${platform === 'win32' ? '.exe' : ''}`]
  },
  read: (file) => ({ name: 'exec_command', input: { cmd: `cat ${file}` } }),
  write: (file, text, offered) => {
    const type = offered.get('apply_patch')
    if (type === undefined)
      return { name: 'exec_command', input: { cmd: `printf '%s\\n' '${text}' > ${file}` } }
    const input = patchOf(file, text)
    return { name: 'apply_patch', input: type === 'custom' ? input : { input } }
  },
  start: ({ url, key, model, home, prompt }) => {
    put(
      join(home, '.codex/config.toml'),
      `
model = "${model}"
model_provider = "waybill"
model_context_window = ${WINDOW}
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.waybill]
name = "Waybill"
base_url = "${url}/api/v1"
env_key = "WAYBILL_API_KEY"
wire_api = "responses"
`,
    )
    return {
      args: ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt],
      env: { WAYBILL_API_KEY: key },
    }
  },
}

export const opencode: Agent = {
  name: 'opencode',
  package: 'opencode-ai',
  programs: (platform, arch) => {
    const name = `opencode-${platform === 'win32' ? 'windows' : platform}-${arch}`
    const file = platform === 'win32' ? 'opencode.exe' : 'opencode'
    return [`${name}/bin/${file}`, `${name}-baseline/bin/${file}`]
  },
  read: (file) => ({ name: 'read', input: { filePath: file } }),
  write: (file, text, offered) =>
    offered.has('write')
      ? { name: 'write', input: { filePath: file, content: `${text}\n` } }
      : { name: 'apply_patch', input: { patchText: patchOf(file, text) } },
  start: ({ url, key, model, home, prompt }) => {
    put(join(home, '.config/opencode/opencode.json'), {
      $schema: 'https://opencode.ai/config.json',
      autoupdate: false,
      provider: {
        waybill: {
          npm: '@ai-sdk/openai-compatible',
          name: 'Waybill',
          options: { baseURL: `${url}/api/v1`, apiKey: '{env:WAYBILL_API_KEY}' },
          models: { [model]: { name: model, limit: { context: WINDOW, output: 8192 } } },
        },
      },
    })
    return {
      args: ['run', '-m', `waybill/${model}`, prompt],
      env: { WAYBILL_API_KEY: key, OPENCODE_DISABLE_MODELS_FETCH: '1' },
    }
  },
}

export const geminiCli: Agent = {
  name: 'Gemini CLI',
  package: '@google/gemini-cli',
  programs: () => ['@google/gemini-cli/bundle/gemini.js'],
  read: (file) => ({ name: 'read_file', input: { file_path: file } }),
  write: (file, text) => ({ name: 'write_file', input: { file_path: file, content: `${text}\n` } }),
  start: ({ url, key, model, home, prompt }) => {
    put(join(home, '.gemini/settings.json'), {
      security: { auth: { selectedType: 'gemini-api-key' } },
      general: { disableAutoUpdate: true, disableUpdateNag: true },
      privacy: { usageStatisticsEnabled: false },
    })
    return {
      args: ['--model', model, '--approval-mode', 'yolo', '--skip-trust', '--prompt', prompt],
      env: { GOOGLE_GEMINI_BASE_URL: `${url}/api`, GEMINI_API_KEY: key },
    }
  },
}
