/** Id of this wire format. */
export const DIALECT = 'bedrock-converse'

/** `format` of reasoning that Claude wrote and signed; the same on every host. */
export const CLAUDE_FORMAT = 'anthropic-claude-v1'

/**
 * The tool by which models without structured output are made to answer in JSON: its arguments are the answer. The name
 * is reserved, so that an answer can be read without its request.
 */
export const ANSWER_TOOL = 'waybill_json_answer'
