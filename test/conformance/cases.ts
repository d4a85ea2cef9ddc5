import { constructedCases, type RecordedCase, recordedCases } from '../fixtures.ts'
import type { Answer } from './answer.ts'
import { canExpress } from './exceptions.ts'
import type { Pair } from './replay.ts'
import { WAYS } from './surfaces/index.ts'
import { type Format, told } from './told/index.ts'

/** A recording that is replayed to clients of conversations. */
export interface Case {
  readonly recorded: RecordedCase
  /** Folder of the recording: the row of the table. */
  readonly row: string
  readonly format: Format
  /** Provider of the gateway that stands in front of the recording, or null for one of the operator's own. */
  readonly provider: string | null
  readonly told: Answer
}

/** Known providers by folder. The others are written into the configuration as an operator's own. */
const PROVIDERS: Readonly<Record<string, string>> = {
  'openai-chat': 'openai',
  'azure-openai': 'azure',
  mistral: 'mistral',
  groq: 'groq',
  deepseek: 'deepseek',
  xai: 'xai',
  together: 'together',
  openrouter: 'openrouter',
  perplexity: 'perplexity',
  cerebras: 'cerebras',
  huggingface: 'huggingface',
  zai: 'z-ai',
  alibaba: 'alibaba',
  moonshot: 'moonshotai',
  'vercel-gateway': 'vercel-ai-gateway',
  databricks: 'databricks',
  snowflake: 'snowflake',
  writer: 'writer',
  crusoe: 'crusoe',
  anthropic: 'anthropic',
  cohere: 'cohere',
  gemini: 'google-ai-studio',
  vertex: 'google-vertex',
  'bedrock-converse': 'amazon-bedrock',
  'bedrock-invoke': 'amazon-bedrock',
}

/** Claude is asked for by native invoke where the known provider chooses. */
const NATIVE_CLAUDE = /anthropic\.claude-(?!v\d|instant)/

/** Why the gateway would never get such an answer; null when it would. */
export function leftOut(recorded: RecordedCase): string | null {
  const path = recorded.request.url_path ?? ''
  if (recorded.folder === 'models-list')
    return 'A list of models: the gateway asks for one only to see whether a key is good, and reads its status.'
  if (path === '/api/chat') return "Ollama's own format: the gateway asks Ollama for Chat Completions."
  if (path === '/v1/completions')
    return 'Legacy completions of a provider: the gateway asks every provider for a conversation, also for clients of that format.'
  if (
    recorded.folder === 'bedrock-invoke' &&
    /claude-v2|llama2/.test(path) &&
    recorded.response.status === 200
  )
    return 'Native bodies on Bedrock that are not Messages, of models that it has retired: Converse is asked for whatever is not Claude.'
  return null
}

function formatOf({ folder, request }: RecordedCase): Format {
  if (request.url_path?.endsWith('/responses') || folder === 'openai-responses') return 'openai-responses'
  if (folder === 'anthropic') return 'anthropic-messages'
  if (folder === 'gemini' || folder === 'vertex') return 'gemini'
  if (folder === 'bedrock-converse' || folder === 'bedrock-invoke' || folder === 'cohere') return folder
  return 'openai-chat'
}

/** Every recorded and constructed case, in the order of the indexes. */
export const everyCase = (): readonly RecordedCase[] => [...recordedCases(), ...constructedCases()]

/** Those that a client of conversations can get. */
export function conversationCases(): Case[] {
  return everyCase()
    .filter((recorded) => recorded.folder !== 'embeddings' && leftOut(recorded) === null)
    .map((recorded) => {
      const format = formatOf(recorded)
      const constructed = recorded.id.startsWith('constructed/')
      // Responses are asked for only where the operator says so; failures must not close a provider for the others.
      const chosen =
        format !== 'openai-responses' &&
        !(format === 'bedrock-converse' && NATIVE_CLAUDE.test(recorded.model))
      const known = chosen ? PROVIDERS[recorded.folder] : undefined
      const answer = told(format, recorded)
      return {
        recorded,
        row: constructed ? 'constructed' : recorded.folder,
        format,
        provider: answer.error === null ? (known ?? null) : null,
        told: answer,
      }
    })
}

const CAPABILITIES = [
  'tools',
  'structured_outputs',
  'vision',
  'reasoning',
  'files',
  'audio',
  'video',
  'audio_output',
]

/** Each recording with each surface that can express it, a model for each pair, so that none touches another. */
export const conversationPairs = (): Pair[] =>
  conversationCases().flatMap((at, n) =>
    WAYS.filter((surface) => canExpress(surface, at)).map((surface) => ({
      at,
      surface,
      id: `case/n${n}-${WAYS.indexOf(surface)}`,
      recorded: at.recorded,
      provider: at.provider,
      dialect: at.format,
      capabilities: CAPABILITIES,
    })),
  )
