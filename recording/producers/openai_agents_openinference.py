"""The OpenAI Agents SDK on chat completions, instrumented by OpenInference."""
# packages: openai-agents==0.24.0 openinference-instrumentation-openai-agents==2.6.0 opentelemetry-exporter-otlp-proto-http==1.45.2

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, trace
from openai import AsyncOpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

from recording import library, sending

provider = sending.provider("library-desk")
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)
model = OpenAIChatCompletionsModel("scripted-1", AsyncOpenAI(max_retries=0))
desk = Agent(name="desk", instructions=library.SYSTEM, model=model, tools=[function_tool(t) for t in library.TOOLS])
history: list = []
for words in library.TURNS:
    with using_attributes(session_id=library.SESSION, user_id=library.USER), trace("ask the library"):
        result = Runner.run_sync(desk, [*history, {"role": "user", "content": words}])
    history = result.to_input_list()
provider.shutdown()
