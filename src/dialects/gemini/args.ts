import { isObject, type Json, list, object } from '../json.ts'

/** Bounds of what fragments may build. */
const MAX_DEPTH = 64
const MAX_INDEX = 10_000

/**
 * Arguments of one call. They come whole (`args`), or in fragments (`partialArgs`) that name the place of each value
 * (`$.location`, `$.stops[0].name`); a text that goes on in the next fragment says `willContinue`.
 */
export class CallArgs {
  private value: Json = {}
  /** Place of a text that goes on. */
  private open: string | null = null

  /** Takes a `functionCall` of the stream. */
  add(call: Json): void {
    if (isObject(call['args'])) this.value = call['args']
    for (const fragment of list(call['partialArgs'])) {
      const part = object(fragment)
      const path = typeof part?.['jsonPath'] === 'string' ? stepsOf(part['jsonPath']) : null
      if (part !== null && path !== null && path.length > 0) this.put(path, part)
    }
  }

  /** The arguments as JSON text. */
  get json(): string {
    return JSON.stringify(this.value)
  }

  private put(path: readonly (string | number)[], fragment: Json): void {
    let place: Json | unknown[] = this.value
    for (const [i, step] of path.entries()) {
      const last = i === path.length - 1
      if (last) {
        this.write(place, step, JSON.stringify(path), fragment)
        return
      }
      const next = read(place, step)
      const fits = typeof path[i + 1] === 'number' ? Array.isArray(next) : isObject(next)
      const inner: Json | unknown[] = fits ? (next as Json) : typeof path[i + 1] === 'number' ? [] : {}
      if (!fits) define(place, step, inner)
      place = inner
    }
  }

  private write(place: Json | unknown[], step: string | number, key: string, fragment: Json): void {
    const { stringValue, numberValue, boolValue } = fragment
    if (typeof stringValue === 'string') {
      const before = this.open === key ? read(place, step) : ''
      define(place, step, `${typeof before === 'string' ? before : ''}${stringValue}`)
      this.open = fragment['willContinue'] === true ? key : null
    } else if (typeof numberValue === 'number') define(place, step, numberValue)
    else if (typeof boolValue === 'boolean') define(place, step, boolValue)
    else if ('nullValue' in fragment) define(place, step, null)
  }
}

const read = (place: Json | unknown[], step: string | number): unknown =>
  Object.hasOwn(place, step) ? (place as Json)[step] : undefined

/** Writes an own member, whatever its name. */
function define(place: Json | unknown[], step: string | number, value: unknown): void {
  Object.defineProperty(place, step, { value, writable: true, enumerable: true, configurable: true })
}

/** `$.a['b c'][0]` → `a`, `b c`, 0; null when it is no such path, or too deep. */
function stepsOf(path: string): (string | number)[] | null {
  const steps: (string | number)[] = []
  const step = /\.([^.[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y
  step.lastIndex = path.startsWith('$') ? 1 : 0
  while (step.lastIndex < path.length) {
    const match = step.exec(path)
    if (match === null || steps.length >= MAX_DEPTH) return null
    const [, name, index, single, double] = match
    if (index !== undefined && Number(index) > MAX_INDEX) return null
    steps.push(
      name ?? (index === undefined ? (single ?? double ?? '').replace(/\\(.)/g, '$1') : Number(index)),
    )
  }
  return steps
}
