import { isObject, type Json, list, text } from '../json.ts'

/**
 * Sources that a provider lists beside the choices, again in every chunk (Perplexity): each becomes one annotation of the
 * answer, as OpenRouter tells it. Their places in the text are not known.
 */
export class Sources {
  private readonly known = new Set<string>()
  private waiting: Json[] = []

  /** Takes note of a chunk or whole reply; what it adds waits for the next choice. */
  read(chunk: Json): void {
    const results = list(chunk['search_results'])
    for (const source of results.length > 0 ? results : list(chunk['citations'])) {
      const item = isObject(source) ? source : {}
      const url = text(item['url']) ?? text(source)
      if (url === null || this.known.has(url)) continue
      this.known.add(url)
      const content = text(item['snippet'])
      this.waiting.push({
        type: 'url_citation',
        url_citation: {
          url,
          title: text(item['title']) ?? '',
          ...(content !== null && { content }),
          start_index: 0,
          end_index: 0,
        },
      })
    }
  }

  /** The annotations that no choice has got yet, once. */
  take(): readonly Json[] {
    const { waiting } = this
    if (waiting.length > 0) this.waiting = []
    return waiting
  }
}
