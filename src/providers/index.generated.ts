// Made by scripts/generate-providers.ts; changes by hand are lost.
import p_ai21 from './definitions/ai21.ts'
import p_alibaba from './definitions/alibaba.ts'
import p_amazon_bedrock from './definitions/amazon-bedrock.ts'
import p_ant_ling from './definitions/ant-ling.ts'
import p_anthropic from './definitions/anthropic.ts'
import p_arcee_ai from './definitions/arcee-ai.ts'
import p_avian from './definitions/avian.ts'
import p_azure from './definitions/azure.ts'
import p_baseten from './definitions/baseten.ts'
import p_cerebras from './definitions/cerebras.ts'
import p_chutes from './definitions/chutes.ts'
import p_cloudflare from './definitions/cloudflare.ts'
import p_cohere from './definitions/cohere.ts'
import p_crusoe from './definitions/crusoe.ts'
import p_databricks from './definitions/databricks.ts'
import p_deepinfra from './definitions/deepinfra.ts'
import p_deepseek from './definitions/deepseek.ts'
import p_digitalocean from './definitions/digitalocean.ts'
import p_doubleword from './definitions/doubleword.ts'
import p_featherless from './definitions/featherless.ts'
import p_fireworks from './definitions/fireworks.ts'
import p_friendli from './definitions/friendli.ts'
import p_gmicloud from './definitions/gmicloud.ts'
import p_google_ai_studio from './definitions/google-ai-studio.ts'
import p_google_vertex from './definitions/google-vertex.ts'
import p_groq from './definitions/groq.ts'
import p_huggingface from './definitions/huggingface.ts'
import p_hyperbolic from './definitions/hyperbolic.ts'
import p_inception from './definitions/inception.ts'
import p_inference_net from './definitions/inference-net.ts'
import p_llamacpp from './definitions/llamacpp.ts'
import p_lmstudio from './definitions/lmstudio.ts'
import p_meta from './definitions/meta.ts'
import p_minimax from './definitions/minimax.ts'
import p_mistral from './definitions/mistral.ts'
import p_modal from './definitions/modal.ts'
import p_moonshotai from './definitions/moonshotai.ts'
import p_morph from './definitions/morph.ts'
import p_nebius from './definitions/nebius.ts'
import p_novita from './definitions/novita.ts'
import p_nscale from './definitions/nscale.ts'
import p_nvidia from './definitions/nvidia.ts'
import p_ollama from './definitions/ollama.ts'
import p_openai from './definitions/openai.ts'
import p_openrouter from './definitions/openrouter.ts'
import p_ovhcloud from './definitions/ovhcloud.ts'
import p_parasail from './definitions/parasail.ts'
import p_perplexity from './definitions/perplexity.ts'
import p_poolside from './definitions/poolside.ts'
import p_reka from './definitions/reka.ts'
import p_sambanova from './definitions/sambanova.ts'
import p_scaleway from './definitions/scaleway.ts'
import p_sglang from './definitions/sglang.ts'
import p_siliconflow from './definitions/siliconflow.ts'
import p_snowflake from './definitions/snowflake.ts'
import p_stepfun from './definitions/stepfun.ts'
import p_together from './definitions/together.ts'
import p_upstage from './definitions/upstage.ts'
import p_venice from './definitions/venice.ts'
import p_vercel_ai_gateway from './definitions/vercel-ai-gateway.ts'
import p_vllm from './definitions/vllm.ts'
import p_voyage from './definitions/voyage.ts'
import p_wandb from './definitions/wandb.ts'
import p_writer from './definitions/writer.ts'
import p_xai from './definitions/xai.ts'
import p_xiaomi from './definitions/xiaomi.ts'
import p_z_ai from './definitions/z-ai.ts'
import type { ProviderDefinition } from './provider.ts'

export const definitions: readonly ProviderDefinition[] = [
  p_ai21,
  p_alibaba,
  p_amazon_bedrock,
  p_ant_ling,
  p_anthropic,
  p_arcee_ai,
  p_avian,
  p_azure,
  p_baseten,
  p_cerebras,
  p_chutes,
  p_cloudflare,
  p_cohere,
  p_crusoe,
  p_databricks,
  p_deepinfra,
  p_deepseek,
  p_digitalocean,
  p_doubleword,
  p_featherless,
  p_fireworks,
  p_friendli,
  p_gmicloud,
  p_google_ai_studio,
  p_google_vertex,
  p_groq,
  p_huggingface,
  p_hyperbolic,
  p_inception,
  p_inference_net,
  p_llamacpp,
  p_lmstudio,
  p_meta,
  p_minimax,
  p_mistral,
  p_modal,
  p_moonshotai,
  p_morph,
  p_nebius,
  p_novita,
  p_nscale,
  p_nvidia,
  p_ollama,
  p_openai,
  p_openrouter,
  p_ovhcloud,
  p_parasail,
  p_perplexity,
  p_poolside,
  p_reka,
  p_sambanova,
  p_scaleway,
  p_sglang,
  p_siliconflow,
  p_snowflake,
  p_stepfun,
  p_together,
  p_upstage,
  p_venice,
  p_vercel_ai_gateway,
  p_vllm,
  p_voyage,
  p_wandb,
  p_writer,
  p_xai,
  p_xiaomi,
  p_z_ai,
]
