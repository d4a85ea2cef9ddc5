import { hash } from 'node:crypto'
import type { Secret } from '../lib/index.ts'

/** Where alerts go, as the operator configured it; addresses may hold secrets. */
export type Destination =
  | { readonly type: 'webhook'; readonly url: Secret; readonly secret: Secret }
  /** Slack's incoming webhooks and what takes the same body. */
  | { readonly type: 'slack'; readonly url: Secret }
  /** `url`: the mail server, `smtp://` or `smtps://`, with its user and password. */
  | { readonly type: 'email'; readonly url: Secret; readonly to: string; readonly from: string }

/** Stays with the destination wherever it stands in the file; another address is another destination. */
export function destinationId(destination: Destination): string {
  const { type, url } = destination
  const to = destination.type === 'email' ? destination.to : ''
  return hash('sha256', JSON.stringify([type, url.reveal(), to]), 'hex').slice(0, 16)
}

/** For people, without what may be secret: the path of Slack's address is one. */
export function labelOf(destination: Destination): string {
  if (destination.type === 'email') return `email ${destination.to}`
  return `${destination.type} ${new URL(destination.url.reveal()).host}`
}
