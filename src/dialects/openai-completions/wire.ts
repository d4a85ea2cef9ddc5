/** Id of this wire format. */
export const DIALECT = 'openai-completions'
