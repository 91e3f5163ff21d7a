"""Pydantic AI 0.4, instrumentation version 1: messages as one JSON list of events, tools under names of their own."""
# packages: pydantic-ai-slim[openai]==0.4.11 opentelemetry-exporter-otlp-proto-http==1.36.0 opentelemetry-sdk==1.36.0

from pydantic_ai import Agent, ModelRetry, Tool
from pydantic_ai.models.openai import OpenAIModel

from recording import library, sending

provider = sending.provider("library-desk")
Agent.instrument_all()


def renew_loan(loan: str, days: int) -> dict:
    """Renew a loan."""
    try:
        return library.renew_loan(loan, days)
    except RuntimeError as error:
        raise ModelRetry(str(error)) from error


tools = [Tool(renew_loan if tool is library.renew_loan else tool, max_retries=3) for tool in library.TOOLS]
agent = Agent(OpenAIModel("scripted-1"), system_prompt=library.SYSTEM, tools=tools, name="desk")
history = None
for words in library.TURNS:
    result = agent.run_sync(words, message_history=history)
    history = result.all_messages()
provider.shutdown()
