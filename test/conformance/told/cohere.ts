import { sseData } from '../../chat-client.ts'
import type { RecordedCase } from '../../fixtures.ts'
import { type Answer, argsOf, cited, emptyChoice, type Json } from '../answer.ts'

export function toldInCohere(recorded: RecordedCase): Answer {
  const choice = emptyChoice()
  const sources: Json[] = []
  const args: string[] = []
  let usage: Json = {}
  const content = ({ text, thinking }: Json) => {
    choice.text += text ?? ''
    choice.reasoning += thinking ?? ''
  }
  const call = ({ function: { name, arguments: text } }: Json) => {
    choice.tools.push({ name, args: {} })
    args.push(text)
  }
  const end = (reason: string, counts: Json) => {
    choice.finish = reason === 'TOOL_CALL' ? 'tool_calls' : reason === 'MAX_TOKENS' ? 'length' : 'stop'
    usage = counts
  }
  if (recorded.response.kind === 'json') {
    const { message, finish_reason: reason, usage: counts } = recorded.response.body as Json
    choice.reasoning += message.tool_plan ?? ''
    for (const block of message.content ?? []) content(block)
    for (const each of message.tool_calls ?? []) call(each)
    sources.push(...(message.citations ?? []))
    end(reason, counts)
  }
  for (const data of recorded.response.kind === 'sse' ? sseData(recorded.response.text!) : []) {
    if (data === '[DONE]') continue
    const { type, delta } = JSON.parse(data) as Json
    const message = delta?.message
    if (type === 'tool-plan-delta') choice.reasoning += message.tool_plan
    if (type === 'content-start' || type === 'content-delta') content(message.content)
    if (type === 'tool-call-start') call(message.tool_calls)
    if (type === 'tool-call-delta') args[args.length - 1] += message.tool_calls.function.arguments
    if (type === 'citation-start') sources.push(message.citations)
    if (type === 'message-end') end(delta.finish_reason, delta.usage)
  }
  for (const [i, text] of args.entries()) choice.tools[i]!.args = argsOf(text)
  choice.citations = cited(
    sources
      .flatMap((it) => it['sources'])
      .map(
        ({ id, document, tool_output: output }) =>
          (document ?? output)?.url ?? (document ?? output)?.title ?? id,
      ),
  )
  // What Cohere bills, which is less than what the model read.
  const { input_tokens: prompt, output_tokens: completion } = usage['billed_units']
  return {
    choices: [choice],
    usage: {
      prompt,
      completion,
      cacheRead: Math.min(usage['cached_tokens'] ?? 0, prompt),
      cacheWrite: 0,
      reasoning: usage['tokens'].reasoning_tokens ?? 0,
    },
    error: null,
  }
}
