"""Strands Agents with the newest conventions switched on: contents in one span event with the details of each call."""
# packages: strands-agents[openai]==1.62.0 opentelemetry-exporter-otlp-proto-http==1.45.1

import os

os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental,gen_ai_tool_definitions"

from strands import Agent
from strands.models.openai import OpenAIModel
from strands.tools.decorator import tool

from recording import library, sending

provider = sending.provider("library-desk")
agent = Agent(
    model=OpenAIModel(model_id="scripted-1"),
    tools=[tool(one) for one in library.TOOLS],
    system_prompt=library.SYSTEM,
    trace_attributes={"session.id": library.SESSION, "user.id": library.USER},
    callback_handler=None,
    name="desk",
)
for words in library.TURNS:
    agent(words)
provider.shutdown()
