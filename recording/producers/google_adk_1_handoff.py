"""Google's ADK 1.5 over LiteLLM with a hand-off, which the next agent's spans hang beneath; sums stand as outputs."""
# hands over by: transfer_to_agent {"agent_name": "clerk"}
# packages: google-adk==1.5.0 litellm==1.72.0 openai==1.99.9 opentelemetry-exporter-otlp-proto-http==1.34.0

import asyncio
import os

from recording import library, sending

provider = sending.provider("library-desk")

from google.adk.agents import LlmAgent
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.genai import types


def renew_loan(loan: str, days: int) -> dict:
    """Renew a loan."""
    try:
        return library.renew_loan(loan, days)
    except RuntimeError as error:
        return {"status": "error", "error_message": str(error)}


tools = [renew_loan if tool is library.renew_loan else tool for tool in library.TOOLS]


def model():
    return LiteLlm(model="openai/scripted-1", api_base=os.environ["RECORDING_MODEL"], api_key="no-key")


hours = "You know the hours of all branches."
clerk = LlmAgent(name="clerk", description=hours, model=model(), instruction=hours, tools=[library.opening_hours])
agent = LlmAgent(name="desk", model=model(), instruction=library.SYSTEM, tools=tools, sub_agents=[clerk])


async def talk() -> None:
    about = {"user_id": library.USER, "session_id": library.SESSION}
    runner = InMemoryRunner(agent=agent, app_name="desk")
    await runner.session_service.create_session(app_name="desk", **about)
    for words in library.TURNS:
        message = types.Content(role="user", parts=[types.Part(text=words)])
        async for _ in runner.run_async(**about, new_message=message):
            pass


asyncio.run(talk())
provider.shutdown()
