import { defineProvider, openai } from '../define.ts'

export default defineProvider('snowflake', 'Snowflake Cortex', {
  aliases: ['snowflake-cortex'],
  about: ['https://www.snowflake.com', 'US', '/privacy-policy/'],
  dialect: 'openai-chat',
  baseUrl: 'https://{account}.snowflakecomputing.com/api/v2/cortex/v1',
  variables: { account: { env: ['SNOWFLAKE_ACCOUNT'] } },
  env: ['SNOWFLAKE_CORTEX_PAT', 'SNOWFLAKE_PAT'],
  // Reasons, and takes reasoning back, as OpenRouter does: recorded with its Claude.
  quirks: { ...openai, reasoning: 'object' },
  probe: null,
})
