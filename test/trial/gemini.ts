import type { Block, ChatEvent, FinishReason } from '../../src/chat/index.ts'
import type { RecordedCase } from '../fixtures.ts'
import { empty, eventsOf, type Json, type Reading, Writer } from './writer.ts'

const GEMINI: Readonly<Record<string, FinishReason>> = {
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  UNEXPECTED_TOOL_CALL: 'error',
  PROHIBITED_CONTENT: 'content_filter',
}

export function geminiEvents(recorded: RecordedCase): ChatEvent[] {
  const writer = new Writer()
  let linear: string | null = null
  let parts = 0
  const enter = (key: string, block: Block) => {
    if (linear !== null && linear !== key) writer.close(linear)
    linear = key
    writer.block(key, block)
  }
  for (const chunk of eventsOf(recorded)) {
    for (const candidate of chunk['candidates'] ?? []) {
      for (const part of candidate.content?.parts ?? []) {
        const key =
          part.functionCall || part.executableCode || part.codeExecutionResult
            ? `part/${parts++}`
            : part.thought
              ? 'thought'
              : 'text'
        if (part.functionCall) {
          enter(key, { kind: 'tool', id: part.functionCall.id ?? '', name: part.functionCall.name })
          writer.add(key, { kind: 'args', json: JSON.stringify(part.functionCall.args ?? {}) })
        } else if (part.executableCode || part.codeExecutionResult) {
          enter(key, { kind: 'server-tool', id: '', name: 'code_execution' })
          writer.add(key, { kind: 'result', data: part })
        } else {
          enter(key, part.thought ? { kind: 'reasoning', format: 'google-gemini-v1' } : { kind: 'text' })
          writer.add(
            key,
            part.thought ? { kind: 'reasoning', text: part.text } : { kind: 'text', text: part.text },
          )
        }
        if (part.thoughtSignature) writer.add(key, { kind: 'signature', signature: part.thoughtSignature })
      }
      for (const source of candidate.groundingMetadata?.groundingChunks ?? [])
        writer.cite(source.web ?? source)
      if (candidate.finishReason) writer.end(candidate.finishReason, GEMINI, candidate.finishMessage)
    }
    const usage = chunk['usageMetadata']
    if (usage) {
      const {
        promptTokenCount: prompt = 0,
        toolUsePromptTokenCount: tool = 0,
        candidatesTokenCount: said = 0,
        thoughtsTokenCount: thought = 0,
        cachedContentTokenCount: cached = 0,
      } = usage
      writer.usage(
        {
          promptTokens: prompt + tool,
          completionTokens: said + thought,
          reasoningTokens: thought,
          cacheReadTokens: cached,
        },
        usage,
      )
    }
  }
  return writer.events
}

export function readGemini(recorded: RecordedCase): Reading {
  const reading = empty()
  const chunks = eventsOf(recorded)
  const candidates: Json[] = chunks.flatMap((chunk) => chunk['candidates'] ?? [])
  for (const part of candidates.flatMap((it) => it['content']?.parts ?? [])) {
    reading[part.thought ? 'reasoning' : 'text'] += part.text ?? ''
    reading.signatures += part.thoughtSignature ?? ''
    if (part.functionCall) reading.tools.push([part.functionCall.name, part.functionCall.args ?? {}])
    if (part.executableCode || part.codeExecutionResult) reading.others++
  }
  reading.citations = candidates.flatMap((it) => it['groundingMetadata']?.groundingChunks ?? []).length
  reading.stop = candidates.findLast((it) => it['finishReason'])?.['finishReason'] ?? null
  const usage = chunks.findLast((chunk) => chunk['usageMetadata'])?.['usageMetadata']
  const prompt = usage?.promptTokenCount + (usage?.toolUsePromptTokenCount ?? 0)
  reading.tokens = usage ? [prompt, usage.totalTokenCount - prompt, usage.cachedContentTokenCount ?? 0] : null
  return reading
}
