import { bedrockDialects, bedrockPath, defineProvider } from '../define.ts'

export default defineProvider('amazon-bedrock', 'Amazon Bedrock', {
  aliases: ['bedrock', 'aws'],
  about: ['https://aws.amazon.com', 'US', '/privacy/', '/service-terms/'],
  statusPageUrl: 'https://health.aws.amazon.com/health/status',
  dialect: 'bedrock-converse',
  dialects: bedrockDialects,
  baseUrl: 'https://bedrock-runtime.{region}.amazonaws.com',
  variables: { region: { env: ['AWS_REGION', 'AWS_DEFAULT_REGION'], fallback: 'us-east-1' } },
  auth: { kind: 'aws' },
  env: ['AWS_BEARER_TOKEN_BEDROCK'],
  path: bedrockPath,
  probe: null,
})
