import { json, sse } from '../../upstream/index.ts'
import { BILLED, badTool, COUNTED, type Format, type Loose, pieces, SEAL, unknownField } from './format.ts'

const FIELDS =
  'contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent serviceTier labels store'.split(
    ' ',
  )
/** Google takes this where a call was not signed by itself: ai.google.dev/gemini-api/docs/thought-signatures. */
const UNSIGNED = 'skip_thought_signature_validator'

const declarations = (body: Loose): Loose[] =>
  (body.tools ?? []).flatMap((tool: Loose) => tool.functionDeclarations ?? [])
const partsOf = (content: Loose): Loose[] => content.parts ?? []

/** Google's generateContent as a Gemini 3 takes it. */
export const gemini: Format = {
  read(body, path) {
    if (path.includes(':countTokens')) return null
    return {
      stream: path.includes(':streamGenerateContent'),
      tools: new Map(declarations(body).map((tool) => [tool.name, 'function'])),
      results: body.contents
        .flatMap(partsOf)
        .filter((part: Loose) => part.functionResponse)
        .map((part: Loose) => JSON.stringify(part.functionResponse.response)),
    }
  },
  refuse(body) {
    return (
      unknownField(body, FIELDS) ??
      badTool(
        declarations(body).map((it) => ({ name: it.name, schema: it.parametersJsonSchema ?? it.parameters })),
      ) ??
      badContents(body.contents)
    )
  },
  write({ thought, text, calls = [] }, stream, nth) {
    const parts: object[] = [
      ...pieces(thought ?? '').map((it) => ({ text: it, thought: true })),
      ...pieces(text ?? '').map((it) => ({ text: it })),
    ]
    // Of calls at the same time the first alone is signed.
    for (const [i, { name, input }] of calls.entries())
      parts.push({
        functionCall: { id: `fn_${nth}_${i}`, name, args: input },
        ...(thought !== undefined && i === 0 && { thoughtSignature: SEAL }),
      })
    const usageMetadata = {
      promptTokenCount: BILLED.prompt,
      candidatesTokenCount: BILLED.completion,
      totalTokenCount: BILLED.prompt + BILLED.completion,
    }
    const head = { responseId: `gem-${nth}`, modelVersion: 'upstream-gemini' }
    const chunk = (some: object[], more: object = {}, end: object = {}) => ({
      candidates: [{ index: 0, content: { role: 'model', parts: some }, ...more }],
      ...head,
      ...end,
    })
    if (!stream) return json(200, chunk(parts, { finishReason: 'STOP' }, { usageMetadata }))
    const chunks = [
      ...parts.map((part) => chunk([part])),
      chunk([{ text: '' }], { finishReason: 'STOP' }, { usageMetadata }),
    ]
    return sse(chunks.map((it) => `data: ${JSON.stringify(it)}\r\n\r\n`))
  },
  refusal: (message) => json(400, { error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
  count: () => json(200, { totalTokens: COUNTED }),
}

function badContents(contents: readonly Loose[]): string | null {
  const asked = contents.findLastIndex(
    (content) =>
      content.role === 'user' && partsOf(content).some((part) => part.functionResponse === undefined),
  )
  for (const [i, content] of contents.entries()) {
    if (!['user', 'model'].includes(content.role)) return `contents[${i}]: please use a valid role`
    if (partsOf(content).length === 0) return `contents[${i}].parts must not be empty`
    const calls = partsOf(content).filter((part) => part.functionCall)
    const answers = partsOf(contents[i + 1] ?? {}).filter((part) => part.functionResponse)
    if (calls.length !== answers.length && calls.length > 0)
      return 'the number of function response parts must equal that of the function call parts of the turn before'
    const signature = calls[0]?.thoughtSignature
    if (i > asked && calls.length > 0 && signature !== SEAL && signature !== UNSIGNED)
      return `function call \`${calls[0].functionCall.name}\` is missing a \`thought_signature\``
  }
  return null
}
