// Vercel's AI SDK 6 on the responses API, streamed: an agent, and another that is a tool of it; session and user are metadata.
// delegates by: shipping_specialist {"request": "When does Süd open on Saturday?"}
// packages: ai@6.0.326 @ai-sdk/openai@3.0.141 zod@4.6.7 @opentelemetry/api@1.9.0 @opentelemetry/sdk-trace-node@2.12.1 @opentelemetry/sdk-trace-base@2.12.1 @opentelemetry/resources@2.12.1 @opentelemetry/exporter-trace-otlp-proto@0.223.1

import { createOpenAI } from '@ai-sdk/openai';
import { ToolLoopAgent, jsonSchema, stepCountIs, tool } from 'ai';

import { session, system, tools, turns, user } from './library.mjs';
import { provider } from './sending.mjs';

const spans = provider('library-desk');
const openai = createOpenAI({ baseURL: process.env.RECORDING_MODEL, apiKey: 'no-key' });
const ours = Object.fromEntries(tools.map(({ name, description, schema, run }) =>
  [name, tool({ description, inputSchema: jsonSchema(schema), execute: async args => run(args) })]));

function agent(functionId, instructions, tools) {
  const metadata = { sessionId: session, userId: user };
  const experimental_telemetry = { isEnabled: true, functionId, metadata };
  return new ToolLoopAgent({ model: openai('scripted-1'), instructions, tools, stopWhen: stepCountIs(9), experimental_telemetry });
}

const clerk = agent('clerk', 'You know the hours of all branches.', { opening_hours: ours.opening_hours });
const shipping_specialist = tool({
  description: 'Ask the clerk who knows the hours.',
  inputSchema: jsonSchema({ type: 'object', properties: { request: { type: 'string' } }, required: ['request'] }),
  execute: async ({ request }) => (await clerk.generate({ prompt: request })).text,
});
const desk = agent('desk', system, { ...ours, shipping_specialist });
const messages = [];
for (const words of turns) {
  messages.push({ role: 'user', content: words });
  const result = await desk.stream({ messages });
  await result.consumeStream();
  messages.push(...(await result.response).messages);
}
await spans.forceFlush();
await spans.shutdown();
