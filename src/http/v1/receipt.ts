import { NO_USAGE, type Usage } from '../../chat/index.ts'
import {
  decodeTariff,
  itemize,
  nanosToDecimal,
  picoToDecimal,
  picoToUsdPerMillion,
  quote,
  type Receipt,
  type ReceiptLine,
} from '../../money/index.ts'
import { readWaybill } from '../../routing/index.ts'
import type { GenerationRow } from '../../store/index.ts'
import { frozenTariff, type GenerationDetail } from '../../usage/index.ts'
import type { Gateway } from '../gateway.ts'

const NO_TABLES: ReadonlyMap<string, string> = new Map()

/** The tokens that were charged for: as the waybill tells them, else as the usage row does, which knows one kind of cache write. */
export function usedIn({ generation: row, waybill }: GenerationDetail): Usage {
  const told = waybill === null ? null : readWaybill(waybill, NO_TABLES)
  return (
    told?.usage ?? {
      ...NO_USAGE,
      promptTokens: row.prompt_tokens,
      completionTokens: row.completion_tokens,
      cacheReadTokens: row.cache_read_tokens,
      cacheWriteTokens: row.cache_write_tokens,
      reasoningTokens: row.reasoning_tokens,
    }
  )
}

/** The arithmetic by the price list that was frozen for the call, and its price in nano-USD; null when nothing was priced. */
export async function receiptOf(
  gateway: Gateway,
  { tariff_version: version, endpoint_id: endpointId }: GenerationRow,
  used: Usage,
): Promise<{ receipt: Receipt; priceNanos: bigint } | null> {
  if (version === null || endpointId === null) return null
  const text = await frozenTariff(gateway.store, version, endpointId)
  if (text === undefined) return null
  const tariff = decodeTariff(text)
  return { receipt: itemize(tariff, used), priceNanos: quote(tariff, used)!.nanos }
}

/** The charge with how it came about; null when nothing was charged or priced. */
export async function costObject(
  gateway: Gateway,
  row: GenerationRow,
  used: Usage,
): Promise<Record<string, unknown> | null> {
  const charged = row.cost_nanos
  const told = {
    charged_usd: charged === null ? null : nanosToDecimal(charged),
    usage_source: row.usage_source,
  }
  const priced = await receiptOf(gateway, row, used)
  if (priced === null) return charged === null ? { ...told, note: 'The price is not known.' } : null
  const { receipt, priceNanos } = priced
  return {
    tariff_version: row.tariff_version,
    lines: receipt.lines.map(lineObject),
    exact_usd: picoToDecimal(receipt.picos),
    price_usd: nanosToDecimal(priceNanos),
    saved_by_cache_usd: receipt.savedPicos > 0n ? picoToDecimal(receipt.savedPicos) : null,
    ...told,
    note: costNote(row, priceNanos),
  }
}

/** One line of the arithmetic, exact decimals. */
export function lineObject({ what, quantity, picosEach, picos }: ReceiptLine): Record<string, unknown> {
  return {
    what,
    quantity: Number(quantity),
    usd_per_million: what === 'request' ? null : picoToUsdPerMillion(picosEach),
    usd_each: picoToDecimal(picosEach),
    usd: picoToDecimal(picos),
  }
}

/** Why the charge is not the price; null when it is. */
function costNote({ result, cost_nanos: charged }: GenerationRow, price: bigint): string | null {
  if (charged === null || charged === price) return null
  if (charged === 0n && result === 'failed') return 'The answer failed: it is not charged.'
  if (charged < price) return 'The rest was beyond what was held for the call: it is not charged.'
  return null
}
