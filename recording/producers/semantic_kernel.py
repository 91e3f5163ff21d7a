"""Semantic Kernel's agent with a plugin: a tool goes by both names, messages are log records among the other logs."""
# packages: semantic-kernel==1.45.0 opentelemetry-exporter-otlp-proto-http==1.45.2

import asyncio
import os

os.environ |= {
    "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS": "true",
    "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE": "true",
}
import logging

from openai import AsyncOpenAI
from semantic_kernel.agents import ChatCompletionAgent, ChatHistoryAgentThread
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.functions import KernelPlugin, kernel_function

from recording import library, sending

provider = sending.provider("library-desk")
logs = sending.logs(provider)
from opentelemetry.sdk._logs import LoggingHandler

handler = LoggingHandler(logger_provider=logs)
logging.getLogger("semantic_kernel").addHandler(handler)
logging.getLogger("semantic_kernel").setLevel(logging.INFO)


async def main():
    service = OpenAIChatCompletion(ai_model_id="scripted-1", async_client=AsyncOpenAI(max_retries=0))
    plugin = KernelPlugin(name="desk", functions=[kernel_function(t, name=t.__name__) for t in library.TOOLS])
    agent = ChatCompletionAgent(service=service, name="desk", instructions=library.SYSTEM, plugins=[plugin])
    thread = ChatHistoryAgentThread()
    for words in library.TURNS:
        response = await agent.get_response(messages=words, thread=thread)
        thread = response.thread


asyncio.run(main())
logs.shutdown()
provider.shutdown()
