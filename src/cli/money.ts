/** An amount of the API (USD, at most nine decimals) as `$0.00015`; never `$1.5e-7`. */
export function usd(amount: number): string {
  return `$${amount.toFixed(9).replace(/\.?0+$/, '')}`
}
