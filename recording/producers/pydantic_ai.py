"""Pydantic AI with its own instrumentation and a conversation of two runs; content is included."""
# packages: pydantic-ai-slim[openai]==2.68.0 opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-sdk==1.45.2

from pydantic_ai import Agent, ModelRetry, Tool
from pydantic_ai.models.openai import OpenAIChatModel

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
agent = Agent(OpenAIChatModel("scripted-1"), system_prompt=library.SYSTEM, tools=tools, name="desk")
history = None
for words in library.TURNS:
    result = agent.run_sync(words, message_history=history)
    history = result.all_messages()
provider.shutdown()
