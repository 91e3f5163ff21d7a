"""A loop by hand over OpenAI's Responses API, each request going on from the one before, with OpenLLMetry's instrumentation."""
# packages: openai==3.57.0 opentelemetry-instrumentation-openai==0.62.4 opentelemetry-exporter-otlp-proto-http==1.45.2

import json

from openai import OpenAI
from opentelemetry.instrumentation.openai import OpenAIInstrumentor

from recording import bare_loop, library, sending

provider = sending.provider("library-desk")
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("library.app", "1.4.0")
client = OpenAI(max_retries=0)
tools = [{"type": "function", **library.schema_of(tool)["function"]} for tool in library.TOOLS]


def answered(item):
    result = bare_loop.call_tool(item.name, json.loads(item.arguments))
    output = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return {"type": "function_call_output", "call_id": item.call_id, "output": output}


before = None
for words in library.TURNS:
    with tracer.start_as_current_span("POST /ask", attributes={"session.id": library.SESSION}):
        new = [{"role": "user", "content": words}]
        while new:
            answer = client.responses.create(
                model="scripted-1", input=new, tools=tools, instructions=library.SYSTEM, previous_response_id=before
            )
            before = answer.id
            new = [answered(item) for item in answer.output if item.type == "function_call"]
provider.shutdown()
