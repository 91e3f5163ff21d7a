"""smolagents' ToolCallingAgent, instrumented by OpenInference; its answers are calls of `final_answer`."""
# ends its turns by: final_answer
# packages: smolagents[openai]==1.26.0 openinference-instrumentation-smolagents==0.1.43 opentelemetry-exporter-otlp-proto-http==1.45.2

from openinference.instrumentation import using_attributes
from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from smolagents import OpenAIServerModel, ToolCallingAgent, tool

from recording import library, sending

provider = sending.provider("library-desk")
SmolagentsInstrumentor().instrument(tracer_provider=provider)
agent = ToolCallingAgent([tool(one) for one in library.TOOLS], OpenAIServerModel("scripted-1"), name="desk")
for number, words in enumerate(library.TURNS):
    with using_attributes(session_id=library.SESSION, user_id=library.USER):
        agent.run(words, reset=number == 0)
provider.shutdown()
