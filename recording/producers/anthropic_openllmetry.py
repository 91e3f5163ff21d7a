"""A loop by hand over the Anthropic SDK, streamed, with OpenLLMetry of 2025, which records no answers of streams."""
# packages: anthropic==0.49.0 httpx==0.27.2 setuptools==75.0.0 opentelemetry-instrumentation-anthropic==0.40.14 opentelemetry-exporter-otlp-proto-http==1.36.0

import json

import anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

from recording import bare_loop, library, sending

provider = sending.provider("library-desk")
AnthropicInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("library.app", "1.4.0")

client = anthropic.Anthropic(max_retries=0)
functions = [library.schema_of(tool)["function"] for tool in library.TOOLS]
tools = [{**about, "input_schema": about.pop("parameters")} for about in functions]
history = []


def ask():
    """One request, streamed; gives the blocks of its answer."""
    about = {"model": "scripted-1", "max_tokens": 500, "system": library.SYSTEM}
    with client.messages.stream(**about, messages=history, tools=tools) as stream:
        blocks = stream.get_final_message().content
    kept = {"text": ("type", "text"), "tool_use": ("type", "id", "name", "input")}
    return [{name: getattr(block, name) for name in kept[block.type]} for block in blocks]


def answer(block):
    result = bare_loop.call_tool(block["name"], block["input"])
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return {"type": "tool_result", "tool_use_id": block["id"], "content": text}


for words in library.TURNS:
    with tracer.start_as_current_span("POST /ask", attributes={"session.id": library.SESSION}):
        told = words
        while told:
            history.append({"role": "user", "content": told})
            history.append({"role": "assistant", "content": ask()})
            told = [answer(block) for block in history[-1]["content"] if block["type"] == "tool_use"]
provider.shutdown()
