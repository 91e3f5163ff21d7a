"""A loop by hand over the OpenAI SDK, instrumented by OpenInference, under an application span a turn; no tool spans."""
# packages: openai==3.54.0 openinference-instrumentation-openai==0.1.66 opentelemetry-exporter-otlp-proto-http==1.45.2

from openai import OpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor

from recording import bare_loop, library, sending

provider = sending.provider("library-desk")
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("library.app", "1.4.0")
history = [{"role": "system", "content": library.SYSTEM}]
client = OpenAI(max_retries=0)
for words in library.TURNS:
    with using_attributes(session_id=library.SESSION, user_id=library.USER), tracer.start_as_current_span("POST /ask"):
        bare_loop.turn(client, history, words)
provider.shutdown()
