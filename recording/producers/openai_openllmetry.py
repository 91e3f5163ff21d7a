"""A loop by hand over the OpenAI SDK with OpenLLMetry's OpenAI instrumentation, under an application span a turn."""
# packages: openai==2.54.0 opentelemetry-instrumentation-openai==0.62.4 opentelemetry-exporter-otlp-proto-http==1.45.2

from openai import OpenAI
from opentelemetry.instrumentation.openai import OpenAIInstrumentor

from recording import bare_loop, library, sending

provider = sending.provider("library-desk")
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("library.app", "1.4.0")
client = OpenAI(max_retries=0)
history = [{"role": "system", "content": library.SYSTEM}]
for words in library.TURNS:
    with tracer.start_as_current_span("POST /ask"):
        bare_loop.turn(client, history, words)
provider.shutdown()
