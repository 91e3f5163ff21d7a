"""LangGraph's prebuilt agent as of early 2025, streaming, with OpenInference of that time: tool messages as Python writes them."""
# packages: langchain-core==0.3.86 langchain-openai==0.3.35 langgraph==0.2.76 openai==2.54.0 openinference-instrumentation-langchain==0.1.30 wrapt==1.17.3 opentelemetry-exporter-otlp-proto-http==1.45.2

from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import MemorySaver
from langgraph.prebuilt import create_react_agent
from openinference.instrumentation import using_attributes
from openinference.instrumentation.langchain import LangChainInstrumentor

from recording import library, sending

provider = sending.provider("library-desk")
LangChainInstrumentor().instrument(tracer_provider=provider)
agent = create_react_agent(
    ChatOpenAI(model="scripted-1", streaming=True),
    [StructuredTool.from_function(tool) for tool in library.TOOLS],
    checkpointer=MemorySaver(),
)
for words in library.TURNS:
    with using_attributes(session_id=library.SESSION, user_id=library.USER):
        agent.invoke({"messages": [("user", words)]}, {"configurable": {"thread_id": library.SESSION}})
provider.shutdown()
