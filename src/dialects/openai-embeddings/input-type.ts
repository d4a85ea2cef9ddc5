import type { EmbeddingQuirks, InputPurpose, InputTypes } from '../dialect.ts'

/** The words of OpenRouter, Cohere, Voyage, NVIDIA, Jina and Google for what an embedding is made for. */
const PURPOSES: Readonly<Record<string, InputPurpose>> = {
  query: 'query',
  search_query: 'query',
  retrieval_query: 'query',
  document: 'document',
  passage: 'document',
  search_document: 'document',
  retrieval_document: 'document',
  classification: 'classification',
  clustering: 'clustering',
  similarity: 'similarity',
  semantic_similarity: 'similarity',
  question_answering: 'question',
  fact_verification: 'fact',
  code_retrieval_query: 'code',
}

/**
 * The provider's word for a client's `input_type`, whoever's word that is. A word that nobody is known for goes out as it
 * is, for the provider to judge.
 * @returns null where the provider has no word for that purpose
 */
export function inputTypeFor(
  asked: string,
  words: NonNullable<EmbeddingQuirks['inputTypes']>,
): string | null {
  if (words === 'any') return asked
  const purpose = PURPOSES[asked.toLowerCase()]
  return purpose === undefined ? asked : ((words as InputTypes)[purpose] ?? null)
}
