"""A graph of LangChain agents, one a tool of the other and one handed over to; OpenInference sees it and the OpenAI SDK apart."""
# delegates by: Task {"description": "Renew loan L-88 for 14 days."}
# hands over by: transfer_to_branch_desk
# packages: langchain==1.5.2 langchain-openai==1.7.4 langgraph==1.2.24 openai==3.57.0 openinference-instrumentation-langchain==0.1.80 openinference-instrumentation-openai==0.1.66 opentelemetry-exporter-otlp-proto-http==1.45.2

from typing import Annotated

from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain.messages import ToolMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState
from langgraph.types import Command
from openinference.instrumentation import using_attributes
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor

from recording import library, sending

provider = sending.provider("library-desk")
LangChainInstrumentor().instrument(tracer_provider=provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)
model = ChatOpenAI(model="scripted-1", streaming=True)


@wrap_tool_call
def told(request, handler):
    try:
        return handler(request)
    except RuntimeError as error:
        return ToolMessage(f"ERROR: {error}", tool_call_id=request.tool_call["id"], status="error")


def agent(name, words, *tools):
    own = [StructuredTool.from_function(one) if callable(one) else one for one in tools]
    return create_agent(model, own, system_prompt=words, middleware=[told], name=name)


clerk = agent("loan_clerk", "You renew loans.", library.renew_loan)


@tool("Task")
def task(description: str) -> str:
    """Have a clerk do it."""
    return clerk.invoke({"messages": [{"role": "user", "content": description}]})["messages"][-1].content


@tool("transfer_to_branch_desk")
def transfer(state: Annotated[dict, InjectedState], tool_call_id: Annotated[str, InjectedToolCallId]):
    """Hand over to the branch."""
    done = ToolMessage("Handed over to branch_desk.", tool_call_id=tool_call_id)
    return Command(goto="branch_desk", update={"messages": [*state["messages"], done]}, graph=Command.PARENT)


graph = StateGraph(MessagesState)
own = (library.find_reader, library.list_loans, library.reserve, task, transfer)
graph.add_node("desk", agent("desk", library.SYSTEM, *own), destinations=("branch_desk", END))
graph.add_node("branch_desk", agent("branch_desk", "You serve a branch.", library.opening_hours))
graph.add_edge(START, "desk")
app = graph.compile(checkpointer=InMemorySaver())
for words in library.TURNS:
    with using_attributes(session_id=library.SESSION, user_id=library.USER):
        app.invoke({"messages": [{"role": "user", "content": words}]}, {"configurable": {"thread_id": library.SESSION}})
provider.shutdown()
