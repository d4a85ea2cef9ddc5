export { type FakeUpstream, fakeUpstream, type Received } from './fake.ts'
export { type AnswerFacts, chat, chatEvents, chatReply, chatStream } from './openai-chat.ts'
export { replay } from './recorded.ts'
export { type Boundaries, type Ending, FAULTS, json, type Script, type Step, sse, stepOf } from './step.ts'
