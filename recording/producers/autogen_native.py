"""AutoGen's own spans, one assistant over two turns; it records no model calls and no contents, and names no session."""
# packages: autogen-agentchat==0.7.5 autogen-ext[openai]==0.7.5 opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-sdk==1.45.2

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient

from recording import library, sending

provider = sending.provider("library-desk")
about = {
    "vision": False,
    "function_calling": True,
    "json_output": False,
    "structured_output": False,
    "family": "unknown",
}


async def main():
    client = OpenAIChatCompletionClient(model="scripted-1", model_info=about, max_retries=0)
    desk = AssistantAgent(
        "desk", client, tools=list(library.TOOLS), system_message=library.SYSTEM, max_tool_iterations=9
    )
    for words in library.TURNS:
        await desk.run(task=words)


asyncio.run(main())
provider.shutdown()
