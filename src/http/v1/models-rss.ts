import type { ModelBody } from './model.ts'

/**
 * The list of models as RSS 2.0 (`application/rss+xml`), one item a model.
 * @param origin of this gateway, for links, e.g. `http://127.0.0.1:7788`
 * @param chatLinks items lead to the chat page instead of the model's page
 */
export function modelsRss(models: readonly ModelBody[], origin: string, chatLinks: boolean): string {
  const items = models.map((model) => {
    const link = chatLinks
      ? `${origin}/chat?models=${encodeURIComponent(model.id)}`
      : `${origin}/models/${model.id}`
    return [
      '<item>',
      `<title>${xmlText(model.name)}</title>`,
      `<link>${xmlText(link)}</link>`,
      `<guid isPermaLink="false">${xmlText(model.id)}</guid>`,
      `<description>${xmlText(model.description)}</description>`,
      model.created > 0 ? `<pubDate>${new Date(model.created * 1000).toUTCString()}</pubDate>` : '',
      '</item>',
    ].join('')
  })
  const channel = `<title>Models</title><link>${xmlText(origin)}/models</link><description>Models of this gateway</description>`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>${channel}\n${items.join('\n')}\n</channel></rss>\n`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** XML text; characters that XML 1.0 cannot hold are left out. */
function xmlText(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '')
    .replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c)
}
