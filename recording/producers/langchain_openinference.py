"""LangChain's create_agent on LangGraph, instrumented by OpenInference; thread id, session and user are set."""
# packages: langchain==1.4.7 langchain-openai==1.7.3 langgraph==1.2.22 openinference-instrumentation-langchain==0.1.80 opentelemetry-exporter-otlp-proto-http==1.45.2

from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain.messages import ToolMessage
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from openinference.instrumentation import using_attributes
from openinference.instrumentation.langchain import LangChainInstrumentor

from recording import library, sending

provider = sending.provider("library-desk")
LangChainInstrumentor().instrument(tracer_provider=provider)


@wrap_tool_call
def told(request, handler):
    try:
        return handler(request)
    except RuntimeError as error:
        return ToolMessage(f"ERROR: {error}", tool_call_id=request.tool_call["id"], status="error")


agent = create_agent(
    ChatOpenAI(model="scripted-1"),
    [StructuredTool.from_function(tool) for tool in library.TOOLS],
    system_prompt=library.SYSTEM,
    middleware=[told],
    checkpointer=InMemorySaver(),
)
for words in library.TURNS:
    with using_attributes(session_id=library.SESSION, user_id=library.USER):
        agent.invoke(
            {"messages": [{"role": "user", "content": words}]}, {"configurable": {"thread_id": library.SESSION}}
        )
provider.shutdown()
