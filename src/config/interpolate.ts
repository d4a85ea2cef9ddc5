/** What became of one string scalar. */
export interface Interpolated {
  readonly text: string
  /** Variables that are unset (or empty) and have no default. */
  readonly missing: readonly string[]
  /** Variables whose value went in; a whole `${VAR}` has exactly this one. */
  readonly used: readonly string[]
  /** The scalar was nothing but one variable. */
  readonly whole: boolean
  /** A `${` that begins no variable. */
  readonly malformed: boolean
}

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s

/**
 * Replaces `${VAR}` and `${VAR:-x}` in one string; `$${` stands for a literal `${`. An empty variable counts as unset,
 * as in a shell's `:-`. Values are not looked into again: what a variable holds is text, never another reference.
 */
export function interpolate(text: string, env: Readonly<Record<string, string | undefined>>): Interpolated {
  const missing: string[] = []
  const used: string[] = []
  let malformed = false
  const replaced = text.replace(REFERENCE, (all, inner: string | undefined, close: string | undefined) => {
    if (inner === undefined) return '${'
    const match = close === '}' ? VARIABLE.exec(inner) : null
    if (match === null) {
      malformed = true
      return all
    }
    const name = match[1]!
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    if (value !== undefined && value !== '') {
      used.push(name)
      return value
    }
    if (match[2] === undefined) missing.push(name)
    return match[2] ?? ''
  })
  const whole = /^\$\{[^}]*\}$/.test(text) && used.length === 1
  return { text: replaced, missing, used, whole, malformed }
}
