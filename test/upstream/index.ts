export { type FakeUpstream, fakeUpstream } from './fake.ts'
export { chat, chatEvents, chatReply, chatStream } from './openai-chat.ts'
export { replay } from './recorded.ts'
export { FAULTS, json, type Script, sse } from './step.ts'
