import { readGeminiReply, readGeminiStream } from '../../gemini-client.ts'
import { type Choice, cited, emptyChoice, type Finish, type Json } from '../answer.ts'
import { type ClientSurface, PROMPT, RESULT, SCHEMA } from './surface.ts'

const GEMINI_FINISH: Readonly<Record<string, Finish>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
}

export const gemini: ClientSurface = {
  name: 'generateContent',
  dialect: 'gemini',
  header: 'x-goog-api-key',
  path: ({ model, stream }) =>
    `/api/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  addressed: () => ({}),
  body: ({ tools, choices, turn = [] }) => ({
    contents: [{ role: 'user', parts: [{ text: PROMPT }] }, ...turn],
    generationConfig: {
      thinkingConfig: { includeThoughts: true },
      ...(choices > 1 && { candidateCount: choices }),
    },
    ...(tools.length > 0 && {
      tools: [{ functionDeclarations: tools.map((name) => ({ name, parametersJsonSchema: SCHEMA })) }],
    }),
  }),
  read(body, stream) {
    const read = stream ? readGeminiStream(body) : readGeminiReply(JSON.parse(body))
    const { usage } = read
    return {
      choices: read.choices.map((it): Choice => {
        const finish = GEMINI_FINISH[it.finish ?? ''] ?? null
        return {
          ...emptyChoice(),
          text: it.text,
          reasoning: it.thoughts,
          tools: wholeCalls(it.calls),
          citations: cited(
            (it.grounding?.['groundingChunks'] ?? []).map(
              (chunk: Json) =>
                chunk['web']?.uri ||
                chunk['web']?.title ||
                chunk['retrievedContext']?.uri ||
                chunk['retrievedContext']?.text,
            ),
          ),
          finish: finish === 'stop' && it.calls.length > 0 ? 'tool_calls' : finish,
        }
      }),
      usage: usage && {
        prompt: usage['promptTokenCount'] + (usage['toolUsePromptTokenCount'] ?? 0),
        completion:
          usage['totalTokenCount'] - usage['promptTokenCount'] - (usage['toolUsePromptTokenCount'] ?? 0),
        cacheRead: usage['cachedContentTokenCount'] ?? 0,
        // A member of ours, like the cost: Google has no word for it.
        cacheWrite: usage['cacheWriteTokenCount'] ?? 0,
        reasoning: usage['thoughtsTokenCount'] ?? 0,
      },
      error: read.error && { ...gemini.failure({ error: read.error }), retryAfter: null },
    }
  },
  failure: ({ error }) => ({ status: error.code, type: error.details[0].metadata.error_type }),
  turn(body, stream) {
    const { choices } = stream ? readGeminiStream(body) : readGeminiReply(JSON.parse(body))
    const { parts, calls } = choices[0]!
    const results = calls.map(({ id, name }) => ({
      functionResponse: { id, name, response: { result: RESULT } },
    }))
    return [
      { role: 'model', parts },
      { role: 'user', parts: results.length > 0 ? results : [{ text: PROMPT }] },
    ]
  },
}

/** Calls whose arguments Google streams piece by piece, put together as its documentation says. */
function wholeCalls(pieces: readonly Json[]): Choice['tools'] {
  const calls: { name: string; args: Json }[] = []
  for (const { name, args, partialArgs = [] } of pieces) {
    if (name !== undefined) calls.push({ name, args: { ...args } })
    const into = calls.at(-1)!.args
    for (const { jsonPath, stringValue, ...values } of partialArgs as Json[]) {
      const key = String(jsonPath).replace('$.', '')
      into[key] = stringValue === undefined ? Object.values(values)[0] : (into[key] ?? '') + stringValue
    }
  }
  return calls
}
