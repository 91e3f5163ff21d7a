"""Graphs that ask a real chat-completions client, which asks a scripted endpoint: each request is recorded as sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from agenteval.agents.langgraph import LangGraphAgent
from agenteval.core.message import ToolRequest
from agenteval.core.trajectory import ModelCall, ToolCall

USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 9,
    "total_tokens": 49,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


class Endpoint:
    """Asks for `fetch` and `price` once, then says what came of it; keeps every request and answer."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.status = 200
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                owner.requests.append(request)
                if owner.status != 200:
                    self.reply(json.dumps({"error": {"message": "scripted", "type": "x", "code": "y"}}).encode())
                    return
                message = owner.answer(request["messages"])
                owner.answers.append(message)
                if request.get("stream"):
                    self.reply("".join(owner.events(message)).encode(), "text/event-stream")
                else:
                    self.reply(json.dumps(owner.completion(message)).encode())

            def reply(self, body: bytes, kind: str = "application/json") -> None:
                self.send_response(owner.status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
                del format, args

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def answer(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        results = [message["content"] for message in messages if message["role"] == "tool"]
        if results:
            return {"role": "assistant", "content": " and ".join(results)}
        name = messages[-1]["content"]
        calls = [
            {
                "id": f"call_{tool}",
                "type": "function",
                "function": {"name": tool, "arguments": json.dumps({"name": name})},
            }
            for tool in ("fetch", "price")
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}

    def completion(self, message: dict[str, Any]) -> dict[str, Any]:
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return {**self.head("chat.completion"), "choices": [choice], "usage": USAGE}

    def events(self, message: dict[str, Any]) -> Iterator[str]:
        head = self.head("chat.completion.chunk")

        def event(delta: dict[str, Any], reason: str | None = None, **more: Any) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return f"data: {json.dumps({**head, 'choices': [choice], **more})}\n\n"

        yield event({"role": "assistant", "content": ""})
        for number, call in enumerate(message.get("tool_calls", ())):
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            yield event({"tool_calls": [{**call, "index": number, "function": {"name": name, "arguments": ""}}]})
            for piece in (arguments[:5], arguments[5:]):
                yield event({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
        for word in (message["content"] or "").split(" "):
            yield event({"content": f"{word} "})
        yield event({}, "tool_calls" if message.get("tool_calls") else "stop")
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': USAGE})}\n\n"
        yield "data: [DONE]\n\n"

    def head(self, kind: str) -> dict[str, Any]:
        return {"id": f"answer-{len(self.answers)}", "object": kind, "created": 1, "model": "small-2026"}

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A scripted endpoint on loopback."""
    made = Endpoint()
    yield made
    made.close()


def client(endpoint: Endpoint, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model="small", base_url=endpoint.url, api_key="none", max_retries=0, **options)


def streamed(model: ChatOpenAI, tools: list[Any]) -> Any:
    """A graph whose node streams the model."""
    bound = model.bind_tools(tools)

    async def think(state: MessagesState) -> dict[str, Any]:
        whole: Any = None
        async for chunk in bound.astream(state["messages"]):
            whole = chunk if whole is None else whole + chunk
        return {"messages": [AIMessage(whole.text.strip(), tool_calls=whole.tool_calls)]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "think")
    return graph.compile()


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_a_request_is_recorded_as_it_was_sent_and_answered(
    lab: Any, endpoint: Endpoint, way: str, streams: bool
) -> None:
    def build(tools: list[Any]) -> Any:
        model = client(endpoint, stream_usage=True)
        return streamed(model, tools) if streams else create_agent(model, tools=tools)

    agent = LangGraphAgent(build(lab.tools()) if way == "own" else build)
    result, trajectory = await lab.trial(agent, task="cup", world=lab.world())
    assert (result.trial.status, result.trial.error) == ("completed", None)

    calls = [call for _, call in trajectory.of(ModelCall)]
    assert len(calls) == len(endpoint.requests) == 2
    for number, (call, request, answer) in enumerate(zip(calls, endpoint.requests, endpoint.answers, strict=True), 1):
        assert (call.model, call.finish) == ("small-2026", "tool_calls" if answer.get("tool_calls") else "stop")
        assert [_sent(message) for message in call.messages] == request["messages"]
        assert [(tool.name, tool.description, tool.parameters) for tool in call.offered_tools] == [
            (tool["function"]["name"], tool["function"]["description"], tool["function"]["parameters"])
            for tool in request["tools"]
        ]
        assert [(wish.id, wish.name, wish.arguments) for wish in call.requests] == [
            (wish["id"], wish["function"]["name"], json.loads(wish["function"]["arguments"]))
            for wish in answer.get("tool_calls", ())
        ]
        assert "".join(message.text for message in call.output).strip() == (answer["content"] or "")
        usage = call.usage
        assert usage is not None
        assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) == (40, 9, 16, 4)
        spans = [span for span in result.spans if span.attributes.get("gen_ai.response.id") == f"answer-{number}"]
        assert len(spans) == (0 if streams else 1)  # LangChain drops the id of an answer that is streamed
    assert trajectory.usage.unmeasured_calls == 0
    tools = [(call.name, call.call_id, call.arguments, call.result) for _, call in trajectory.of(ToolCall)]
    assert sorted(tools, key=repr) == [
        ("fetch", "call_fetch", {"name": "cup"}, {"fetched": "cup"}),
        ("price", "call_price", {"name": "cup"}, {"name": "cup", "costs": [3, "EUR"]}),
    ]
    asker = {call.requested_by for _, call in trajectory.of(ToolCall)}
    assert asker == {trajectory.of(ModelCall)[0][0].id}


def _sent(message: Any) -> dict[str, Any]:
    """A recorded message, as the client writes it."""
    if message.role == "tool":
        [part] = message.parts
        text = part.response if isinstance(part.response, str) else json.dumps(part.response, ensure_ascii=False)
        return {"role": "tool", "tool_call_id": part.id, "content": text}
    wishes = [part for part in message.parts if isinstance(part, ToolRequest)]
    if not wishes:
        return {"role": message.role, "content": message.text}
    calls = [
        {
            "type": "function",
            "id": wish.id,
            "function": {"name": wish.name, "arguments": json.dumps(wish.arguments, ensure_ascii=False)},
        }
        for wish in wishes
    ]
    return {"role": message.role, "tool_calls": calls, "content": message.text or None}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ("agent_error", "agent")),
        (404, ("agent_error", "agent")),
        (422, ("agent_error", "agent")),
        (401, ("invalid", "model")),
        (403, ("invalid", "model")),
        (408, ("invalid", "model")),
        (409, ("invalid", "model")),
        (429, ("invalid", "model")),
        (500, ("invalid", "model")),
        (503, ("invalid", "model")),
    ],
)
async def test_an_endpoint_that_refuses_is_told_apart_from_a_request_that_is_wrong(
    lab: Any, endpoint: Endpoint, status: int, expected: tuple[str, str]
) -> None:
    endpoint.status = status
    agent = LangGraphAgent(create_agent(client(endpoint), tools=lab.tools()))
    result, trajectory = await lab.trial(agent, task="cup")
    assert (result.trial.status, result.trial.fault_of) == expected
    [(_, call)] = trajectory.of(ModelCall)
    assert "scripted" in (call.error or "")
    assert trajectory.integrity.complete


async def test_nobody_at_the_endpoint_is_not_the_agents_fault(lab: Any, endpoint: Endpoint) -> None:
    agent = LangGraphAgent(create_agent(client(endpoint), tools=[]))
    endpoint.server.server_close()
    result, _ = await lab.trial(agent, task="cup")
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "model")
