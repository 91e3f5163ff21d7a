"""A loop by hand over the OpenAI SDK, OpenTelemetry's own instrumentation as of 2024: messages as log records."""
# packages: openai==1.60.0 httpx==0.27.2 opentelemetry-instrumentation-openai-v2==2.0b0 opentelemetry-exporter-otlp-proto-http==1.29.0

import os

os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "true"

from openai import OpenAI
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

from recording import bare_loop, library, sending

provider = sending.provider("library-desk")
logs = sending.logs(provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("library.app", "1.4.0")
history = [{"role": "system", "content": library.SYSTEM}]
client = OpenAI(max_retries=0)
for words in library.TURNS:
    with tracer.start_as_current_span("POST /ask", attributes={"session.id": library.SESSION}):
        bare_loop.turn(client, history, words)
logs.shutdown()
provider.shutdown()
