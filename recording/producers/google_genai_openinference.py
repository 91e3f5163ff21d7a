"""A loop by hand over Google's GenAI SDK, instrumented by OpenInference, under an application span a turn."""
# packages: google-genai==3.6.1 openinference-instrumentation-google-genai==1.4.14 opentelemetry-exporter-otlp-proto-http==1.45.2

import os

from google import genai
from google.genai import types
from openinference.instrumentation import using_attributes
from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor

from recording import bare_loop, library, sending

provider = sending.provider("library-desk")
GoogleGenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("library.app", "1.4.0")
address = types.HttpOptions(base_url=os.environ["RECORDING_MODEL"].removesuffix("/v1"))
client = genai.Client(api_key="no-key", http_options=address)


def declared(tool):
    function = library.schema_of(tool)["function"]
    return types.FunctionDeclaration(
        name=function["name"],
        description=function["description"],
        parameters_json_schema=function["parameters"],
    )


def answered(call):
    result = bare_loop.call_tool(call.name, dict(call.args))
    response = {"error" if isinstance(result, str) else "result": result}
    return types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response=response))


config = types.GenerateContentConfig(
    system_instruction=library.SYSTEM,
    tools=[types.Tool(function_declarations=[declared(tool) for tool in library.TOOLS])],
)
history = []
for words in library.TURNS:
    with tracer.start_as_current_span("POST /ask"), using_attributes(session_id=library.SESSION, user_id=library.USER):
        history.append(types.Content(role="user", parts=[types.Part(text=words)]))
        while True:
            answer = client.models.generate_content(model="scripted-1", contents=history, config=config)
            history.append(answer.candidates[0].content)
            if not answer.function_calls:
                break
            history.append(types.Content(role="user", parts=[answered(call) for call in answer.function_calls]))
provider.shutdown()
