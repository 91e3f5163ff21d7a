"""A loop by hand over the Anthropic SDK, streamed, with Logfire: a span as a request is sent, another when it ended."""
# packages: anthropic==0.112.0 logfire==5.4.0 opentelemetry-exporter-otlp-proto-http==1.45.2

import json
import os

import anthropic
import logfire
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recording import bare_loop, library

exporter = OTLPSpanExporter(f"{os.environ['RECORDING_OTLP']}/v1/traces")
about = {"service_name": "library-desk", "service_version": "1.4.0", "send_to_logfire": False, "console": False}
logfire.configure(**about, additional_span_processors=[BatchSpanProcessor(exporter)])
logfire.instrument_anthropic()
provider = trace.get_tracer_provider()
tracer = provider.get_tracer("library.app", "1.4.0")

client = anthropic.Anthropic(max_retries=0)
functions = [library.schema_of(tool)["function"] for tool in library.TOOLS]
tools = [{**about, "input_schema": about.pop("parameters")} for about in functions]
history = []


def ask():
    """One request, streamed; gives the blocks of its answer."""
    about = {"model": "scripted-1", "max_tokens": 500, "system": library.SYSTEM}
    with client.messages.stream(**about, messages=history, tools=tools) as stream:
        blocks = stream.get_final_message().content
    kept = {"text": ("type", "text"), "tool_use": ("type", "id", "name", "input")}
    return [{name: getattr(block, name) for name in kept[block.type]} for block in blocks]


def answer(block):
    result = bare_loop.call_tool(block["name"], block["input"])
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return {"type": "tool_result", "tool_use_id": block["id"], "content": text}


for words in library.TURNS:
    with tracer.start_as_current_span("POST /ask", attributes={"session.id": library.SESSION}):
        told = words
        while told:
            history.append({"role": "user", "content": told})
            history.append({"role": "assistant", "content": ask()})
            told = [answer(block) for block in history[-1]["content"] if block["type"] == "tool_use"]
provider.shutdown()
