// Vercel's AI SDK 5 with OpenInference's span processor, which marks all that follows an error as one; session and user are metadata.
// packages: ai@5.0.277 @ai-sdk/openai@2.0.131 @arizeai/openinference-vercel@2.8.1 zod@3.25.76 @opentelemetry/api@1.9.0 @opentelemetry/sdk-trace-node@2.12.1 @opentelemetry/sdk-trace-base@2.12.1 @opentelemetry/resources@2.12.1 @opentelemetry/exporter-trace-otlp-proto@0.223.1

import { createOpenAI } from '@ai-sdk/openai';
import { OpenInferenceBatchSpanProcessor } from '@arizeai/openinference-vercel';
import { generateText, jsonSchema, stepCountIs, tool } from 'ai';

import { session, system, tools, turns, user } from './library.mjs';
import { exporter, provider } from './sending.mjs';

const spans = provider('library-desk', [new OpenInferenceBatchSpanProcessor({ exporter: exporter() })]);
const openai = createOpenAI({ baseURL: process.env.RECORDING_MODEL, apiKey: 'no-key' });
const ours = Object.fromEntries(tools.map(({ name, description, schema, run }) =>
  [name, tool({ description, inputSchema: jsonSchema(schema), execute: async args => run(args) })]));
const messages = [];
for (const words of turns) {
  messages.push({ role: 'user', content: words });
  const result = await generateText({
    model: openai.chat('scripted-1'),
    system,
    messages,
    tools: ours,
    stopWhen: stepCountIs(9),
    experimental_telemetry: { isEnabled: true, functionId: 'desk', metadata: { sessionId: session, userId: user } },
  });
  messages.push(...result.response.messages);
}
await spans.forceFlush();
await spans.shutdown();
