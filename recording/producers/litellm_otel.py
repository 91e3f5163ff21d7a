"""A loop by hand over LiteLLM with its own OpenTelemetry callback, under an application span a turn, on which it writes."""
# packages: litellm==1.110.2 openai==3.57.0 opentelemetry-exporter-otlp-proto-http==1.45.2

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["OTEL_EXPORTER"] = "otlp_http"
os.environ["OTEL_ENDPOINT"] = f"{os.environ['RECORDING_OTLP']}/v1/traces"
import litellm
from litellm.litellm_core_utils.thread_pool_executor import executor

from recording import bare_loop, library, sending

provider = sending.provider("library-desk")
tracer = provider.get_tracer("library.app", "1.4.0")
litellm.callbacks = ["otel"]
tools = [library.schema_of(tool) for tool in library.TOOLS]
history = [{"role": "system", "content": library.SYSTEM}]
for words in library.TURNS:
    with tracer.start_as_current_span("POST /ask", attributes={"session.id": library.SESSION}):
        history.append({"role": "user", "content": words})
        while True:
            answer = litellm.completion(model="openai/scripted-1", messages=history, tools=tools, num_retries=0)
            message = answer.choices[0].message
            history.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls or ():
                result = bare_loop.call_tool(call.function.name, json.loads(call.function.arguments))
                content = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
                history.append({"role": "tool", "tool_call_id": call.id, "content": content})
            if not message.tool_calls:
                break
executor.shutdown()  # callbacks run there
provider.shutdown()
