"""OpenAI agents, one a tool of the other and one handed over to, seen by OpenInference and by OpenLLMetry in traces of their own."""
# delegates by: Task {"input": "Renew loan L-88 for 14 days."}
# hands over by: transfer_to_branch_desk
# packages: openai-agents==0.24.0 openai==3.57.0 openinference-instrumentation-openai-agents==2.6.0 opentelemetry-instrumentation-openai-agents==0.62.4 opentelemetry-exporter-otlp-proto-http==1.45.2

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, trace
from openai import AsyncOpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor as OpenInference
from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor as OpenLLMetry

from recording import library, sending

provider = sending.provider("library-desk")
OpenInference().instrument(tracer_provider=provider)
OpenLLMetry().instrument(tracer_provider=provider)
model = OpenAIChatCompletionsModel("scripted-1", AsyncOpenAI(max_retries=0))


def agent(name, words, *tools, **more):
    own = [function_tool(tool) for tool in tools]
    return Agent(name=name, instructions=words, model=model, tools=[*own, *more.pop("others", ())], **more)


branch = agent("branch_desk", "You serve a branch.", library.opening_hours)
clerk = agent("loan_clerk", "You renew loans.", library.renew_loan)
desk = agent(
    "desk", library.SYSTEM, library.find_reader, library.list_loans, library.reserve,
    others=[clerk.as_tool("Task", "Have a clerk do it.")], handoffs=[branch],
)  # fmt: skip
history: list = []
for words in library.TURNS:
    with using_attributes(session_id=library.SESSION, user_id=library.USER), trace("ask the library"):
        result = Runner.run_sync(desk, [*history, {"role": "user", "content": words}])
    history = result.to_input_list()
provider.shutdown()
