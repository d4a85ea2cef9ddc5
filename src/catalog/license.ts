/**
 * Whether a maker's license lets others train models on a model's answers: lines of models whose license is known,
 * first match wins. Open weights under Apache 2.0, MIT or their makers' open licenses allow it (some with a name to
 * keep); the terms of service of closed models forbid it for models that compete. What no line covers is not known.
 * Licenses as of the models' cards and terms, 2026-11.
 */
const LICENSES: readonly (readonly [pattern: RegExp, allows: boolean])[] = [
  [/^openai\/gpt-oss/, true],
  [/^openai\//, false],
  [/^anthropic\//, false],
  [/^google\/gemma/, true],
  [/^google\/gemini/, false],
  [/^x-ai\//, false],
  [/^cohere\//, false],
  // Llama 3 forbade what 3.1 and later allow.
  [/^meta-llama\/llama-3-/, false],
  [/^meta-llama\/llama-(3\.[123]|4)-\d*[a-z]/, true],
  [/^deepseek\/(?!.*distill)/, true],
  [/^qwen\/qw[a-z0-9.]*-?.*\d+b/, true],
  [
    /^mistralai\/(mistral-7b|mixtral|mistral-nemo|mistral-small-3|magistral-small|pixtral-12b|ministral-\d+b-2512)/,
    true,
  ],
  [/^z-ai\/glm-4\.[567]/, true],
  [/^moonshotai\/kimi-k2(-|\.5|$)/, true],
  [/^minimax\/minimax-m2(\.1)?$/, true],
  [/^microsoft\/phi-4/, true],
  [/^ibm-granite\//, true],
  [/^nvidia\/nemotron-/, true],
  [/^(allenai|openeurollm|swiss-ai)\//, true],
]

/** Does the license of a model (by catalog id) allow training on its answers? null: not known. */
export function distillableOf(modelId: string): boolean | null {
  for (const [pattern, allows] of LICENSES) if (pattern.test(modelId)) return allows
  return null
}
