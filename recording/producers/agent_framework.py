"""Microsoft's Agent Framework with its own instrumentation, content included, one session of two turns."""
# packages: agent-framework-core==1.23.0 agent-framework-openai==1.17.0 opentelemetry-exporter-otlp-proto-http==1.45.2

import asyncio
import os

os.environ |= {"ENABLE_INSTRUMENTATION": "true", "ENABLE_SENSITIVE_DATA": "true"}
from agent_framework import Agent, tool
from agent_framework.openai import OpenAIChatCompletionClient

from recording import library, sending

provider = sending.provider("library-desk")


async def main():
    client = OpenAIChatCompletionClient(model="scripted-1")
    desk = Agent(client=client, name="desk", instructions=library.SYSTEM, tools=[tool(t) for t in library.TOOLS])
    session = desk.create_session()
    for words in library.TURNS:
        await desk.run(words, session=session)


asyncio.run(main())
provider.shutdown()
