"""Google's ADK 2 on Gemini: contents in the events of the details alone, whose call ids are a name and a place."""
# packages: google-adk==2.13.0 opentelemetry-exporter-otlp-proto-http==1.44.0

import asyncio
import os

os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "EVENT_ONLY"
from recording import library, sending

provider = sending.provider("library-desk")
logs = sending.logs(provider)

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.genai import types


def renew_loan(loan: str, days: int) -> dict:
    """Renew a loan."""
    try:
        return library.renew_loan(loan, days)
    except RuntimeError as error:
        return {"status": "error", "error_message": str(error)}


tools = [renew_loan if tool is library.renew_loan else tool for tool in library.TOOLS]
agent = LlmAgent(name="desk", model="gemini-scripted-1", instruction=library.SYSTEM, tools=tools)


async def talk() -> None:
    about = {"user_id": library.USER, "session_id": library.SESSION}
    runner = InMemoryRunner(agent=agent, app_name="desk")
    await runner.session_service.create_session(app_name="desk", **about)
    for words in library.TURNS:
        message = types.Content(role="user", parts=[types.Part(text=words)])
        async for _ in runner.run_async(**about, new_message=message):
            pass


asyncio.run(talk())
logs.shutdown()
provider.shutdown()
