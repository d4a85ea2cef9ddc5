/**
 * Loaded into Portkey's gateway before its own code. Its npm package changes headers of an answer that its web server has
 * made immutable, and then answers 500 to every streamed request; with the change left out it streams as it was meant to.
 */
for (const method of ['append', 'set', 'delete'] as const) {
  const original = Headers.prototype[method] as (this: Headers, ...args: string[]) => void
  Object.defineProperty(Headers.prototype, method, {
    value(this: Headers, ...args: string[]) {
      try {
        original.apply(this, args)
      } catch (error) {
        if (!(error instanceof TypeError && error.message.includes('immutable'))) throw error
      }
    },
  })
}
