"""A loop by hand over Anthropic's SDK, OpenInference as of 2025: of several tool results in one message, the last is flattened."""
# packages: anthropic==0.59.0 openinference-instrumentation-anthropic==0.1.18 wrapt==1.17.3 opentelemetry-exporter-otlp-proto-http==1.45.2

import json
import os

from anthropic import Anthropic
from openinference.instrumentation import using_attributes
from openinference.instrumentation.anthropic import AnthropicInstrumentor

from recording import bare_loop, library, sending

provider = sending.provider("library-desk")
AnthropicInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("library.app", "1.4.0")
client = Anthropic(base_url=os.environ["RECORDING_MODEL"].removesuffix("/v1"), api_key="no-key", max_retries=0)


def declared(tool):
    function = library.schema_of(tool)["function"]
    return {"name": function["name"], "description": function["description"], "input_schema": function["parameters"]}


def answered(block):
    result = bare_loop.call_tool(block.name, block.input)
    failed = isinstance(result, str)
    content = result if failed else json.dumps(result, ensure_ascii=False)
    return {"type": "tool_result", "tool_use_id": block.id, "content": content, "is_error": failed}


tools = [declared(tool) for tool in library.TOOLS]
history = []
for words in library.TURNS:
    with tracer.start_as_current_span("POST /ask"), using_attributes(session_id=library.SESSION, user_id=library.USER):
        history.append({"role": "user", "content": words})
        while True:
            answer = client.messages.create(
                model="scripted-1", max_tokens=500, system=library.SYSTEM, messages=history, tools=tools
            )
            history.append({"role": "assistant", "content": answer.content})
            asked = [block for block in answer.content if block.type == "tool_use"]
            if not asked:
                break
            history.append({"role": "user", "content": [answered(block) for block in asked]})
provider.shutdown()
