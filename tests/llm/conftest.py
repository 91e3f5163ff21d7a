"""A real model on loopback, trials on it, and what passed between them as the server's own log has it."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import jsonpatch
import pytest
from pydantic import Field

from agenteval.agents.chat import ChatAgent
from agenteval.core.json import Json
from agenteval.core.message import Message, TextPart, ToolRequest, ToolResponse
from agenteval.core.outcome import Trial
from agenteval.core.ports import Model
from agenteval.core.scenario import Scenario, WorldRef
from agenteval.core.trajectory import ModelCall, StateChange, ToolCall, Trajectory, Usage
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, run_trial
from agenteval.models import ChatCompletions, Prices, from_ref
from agenteval.telemetry.assemble import trajectory_of
from agenteval.world import StateWorld, ToolError, tool

SERVER = Path(__file__).with_name("serve.py")
LONGEST_START_S = 120.0
POLICY = "You help in a shop. Use the tools. Be brief."


# --- the server, and its log


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request to the server, and its answer.

    Attributes:
        asked: The body as it came.
        generated: llama.cpp's answer to it; None where it was given up or the server was killed.
        answered: The body as it went out; None likewise.
        left: The client went away before the answer.
    """

    number: int
    path: str
    asked: Mapping[str, Any]
    asked_ns: int
    generated: Mapping[str, Any] | None = None
    status: int | None = None
    answered: Mapping[str, Any] | None = None
    answered_ns: int | None = None
    left: bool = False


class Llm:
    """The server in a process of its own.

    Args:
        folder: Where its log and its standard error go.

    Raises:
        RuntimeError: It did not start; the message has what it wrote last.
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log.jsonl"
        self._errors = folder / "stderr.txt"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(SERVER), str(self._log)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdout is not None
        stuck = threading.Timer(LONGEST_START_S, self._process.kill)
        stuck.start()
        line = self._process.stdout.readline()
        stuck.cancel()
        if not line:
            self.close()
            raise RuntimeError(
                f"the model's server did not start: {self._errors.read_text('utf-8', 'replace')[-2000:]}"
            )
        where = json.loads(line)
        self.front, self._llama = where["front"], where["llama"]

    def url(self, way: str | None = None) -> str:
        """The base URL at which answers are constrained in that way; see `serve.py`."""
        return f"{self.front}/v1" if way is None else f"{self.front}/{way}/v1"

    def exchanges(self, *, after: int = 0) -> list[Exchange]:
        """What passed after the exchange of that number, in the order in which it was asked."""
        found: dict[int, Exchange] = {}
        written = self._log.read_bytes() if self._log.exists() else b""
        for line in written.split(b"\n")[:-1]:  # a last line without its end is still being written
            data = json.loads(line)
            number, at_ns = data.pop("number"), data.pop("at_ns")
            if "asked" in data:
                found[number] = Exchange(number=number, asked_ns=at_ns, **data)
            else:
                data.update({"answered_ns": at_ns} if "answered" in data else {})
                found[number] = replace(found[number], **data)
        return [exchange for number, exchange in sorted(found.items()) if number > after]

    def counters(self) -> dict[str, float]:
        """llama.cpp's own count of the tokens of all its answers since it started."""
        connection = http.client.HTTPConnection(urlsplit(self._llama).netloc)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        names = ("prompt_tokens_total", "prompt_tokens_cached_total", "tokens_predicted_total")
        return {name: float(re.search(rf"^llamacpp:{name} (\S+)$", text, re.MULTILINE)[1]) for name in names}

    def kill(self) -> None:
        """Kill it as it stands."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it, by its handle."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process.stdout.close()


@pytest.fixture(scope="session")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llm]:
    """The server of this test process."""
    running = Llm(tmp_path_factory.mktemp("llm"))
    yield running
    running.close()


# --- a world that keeps its own record


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One call as the world served it, with the whole state after it where that changed."""

    name: str
    arguments: Mapping[str, Json]
    result: Json = None
    error: str | None = None
    state: Json = None


class Shop(StateWorld):
    """Two shelves and a slate. Three tools; it writes down what it served."""

    def __init__(self) -> None:
        super().__init__({"shelves": {"tea": 4, "rice": 7}, "slate": []})
        self.served: list[Served] = []

    @tool
    def look_up(self, item: Literal["tea", "rice", "salt"]) -> Json:
        """The shelf of an item."""
        if item not in self.data["shelves"]:
            raise ToolError(f"there is no {item}", code="not_found")
        return {"item": item, "shelf": self.data["shelves"][item]}

    @tool
    def add(self, a: Literal[1, 2, 3, 4], b: Literal[1, 2, 3, 4]) -> Json:
        """The sum of two numbers, noted on the slate."""
        self.data["slate"].append(a + b)
        return {"sum": a + b}

    @tool
    def wipe(self) -> Json:
        """Wipe the slate."""
        self.data["slate"].clear()
        return {"slate": []}

    async def call(self, tool: str, arguments: Mapping[str, Json]) -> Json:
        """Serve a call, and write it down."""
        before = copied(self.state())
        try:
            result = await super().call(tool, arguments)
        except ToolError as error:
            self.served.append(Served(name=tool, arguments=copied(arguments), error=str(error)))
            raise
        after = copied(self.state())
        changed = None if after == before else after
        self.served.append(Served(name=tool, arguments=copied(arguments), result=copied(result), state=changed))
        return result


class Diary(StateWorld):
    """One tool, which takes more text than a model is let write, so that its calls are always cut."""

    def __init__(self) -> None:
        super().__init__({"pages": []})
        self.served: list[Served] = []

    @tool
    def write(self, text: Annotated[str, Field(min_length=400)]) -> Json:
        """Write a page."""
        raise AssertionError(f"a cut call was taken for a whole one: {text}")


def copied(value: Any) -> Any:
    """A value as it is now."""
    return json.loads(json.dumps(value))


# --- what a trajectory says, and what it should say, in the same plain form

Plain = list[dict[str, Any]]


def told(trajectory: Trajectory, start: Json) -> Plain:
    """Every step of a trajectory, in order, without our ids and times.

    Messages are as the endpoint's API has them, and a change is the state that it leads to.
    """
    index_of = {step.id: step.index for step in trajectory.steps}
    steps: Plain = []
    state = start
    for step in trajectory.steps:
        if isinstance(step.content, StateChange):
            state = jsonpatch.apply_patch(state, copied(step.content.patch))
            steps.append({"state": state, "caused_by": index_of[step.content.caused_by]})
        else:
            steps.append(_told(step.content, index_of))
    return steps


def _told(content: Any, index_of: Mapping[str, int]) -> dict[str, Any]:
    if isinstance(content, Message):
        return {"said_by": content.role, "text": content.text}
    if isinstance(content, ModelCall):
        return {
            "model": content.model,
            "messages": [_plain(message) for message in content.messages],
            "tools": {each.name: (each.description, each.parameters) for each in content.offered_tools},
            "output": [_plain(message) for message in content.output],
            "asked_for": [(request.id, request.name, request.arguments) for request in content.requests],
            "usage": content.usage,
            "finish": content.finish,
            "failed": content.error is not None,
        }
    assert isinstance(content, ToolCall)
    return {
        "tool": content.name,
        "arguments": content.arguments,
        "result": content.result,
        "error": content.error,
        "status": content.status,
        "call_id": content.call_id,
        "requested_by": None if content.requested_by is None else index_of[content.requested_by],
    }


def _plain(message: Message) -> tuple[str, str, list[Any], list[Any]]:
    """Role, text, calls and answers of a message."""
    return (
        message.role,
        "".join(part.text for part in message.parts if isinstance(part, TextPart)),
        [(part.id, part.name, part.arguments) for part in message.parts if isinstance(part, ToolRequest)],
        [(part.id, part.response) for part in message.parts if isinstance(part, ToolResponse)],
    )


def _wired(message: Mapping[str, Any]) -> tuple[str, str, list[Any], list[Any]]:
    """The same of a message as it went over the wire."""
    if message["role"] == "tool":
        return "tool", "", [], [(message["tool_call_id"], json.loads(message["content"]))]
    return message["role"], message.get("content") or "", _calls(message), []


def _calls(message: Mapping[str, Any]) -> list[tuple[str, str, Json]]:
    calls = [(call["id"], call["function"]) for call in message.get("tool_calls", ())]
    return [(call_id, called["name"], _parsed(called["arguments"])) for call_id, called in calls]


def _parsed(arguments: str) -> Json:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def usage_of(exchange: Exchange) -> Usage:
    """Usage as llama.cpp itself counted it."""
    assert exchange.generated is not None
    counted = exchange.generated["usage"]
    return Usage(
        input_tokens=counted["prompt_tokens"],
        output_tokens=counted["completion_tokens"],
        cached_tokens=counted["prompt_tokens_details"]["cached_tokens"],
    )


def truth(exchanges: Sequence[Exchange], served: Sequence[Served]) -> Plain:
    """Every step that a trajectory should have, from what the server and the world wrote down."""
    steps: Plain = []
    waiting = list(served)
    for place, exchange in enumerate(exchanges):
        messages = exchange.asked["messages"]
        if place == 0 and messages[0]["role"] == "system":
            steps.append({"said_by": "system", "text": messages[0]["content"]})
        if messages[-1]["role"] == "user":
            steps.append({"said_by": "user", "text": messages[-1]["content"]})
        asker = len(steps)
        steps.append(_model_call(exchange))
        if exchange.status == 200:
            message = exchange.answered["choices"][0]["message"]
            if (message.get("content") or "").strip():
                steps.append({"said_by": "assistant", "text": message["content"]})
            later = exchanges[place + 1].asked["messages"] if place + 1 < len(exchanges) else []
            for call in _calls(message):
                steps += _tool_steps(call, asker, len(steps), later, waiting)
    assert waiting == []
    return steps


def _model_call(exchange: Exchange) -> dict[str, Any]:
    asked = exchange.asked
    offered = [each["function"] for each in asked.get("tools", ())]
    call: dict[str, Any] = {
        "model": asked["model"],
        "messages": [_wired(message) for message in asked["messages"]],
        "tools": {each["name"]: (each["description"], each["parameters"]) for each in offered},
    }
    if exchange.status != 200:
        return call | {"output": [], "asked_for": [], "usage": None, "finish": None, "failed": True}
    choice = exchange.answered["choices"][0]
    return call | {
        "model": exchange.answered["model"],
        "output": [_wired(choice["message"])],
        "asked_for": _calls(choice["message"]),
        "usage": usage_of(exchange),
        "finish": choice["finish_reason"],
        "failed": False,
    }


def _tool_steps(
    call: tuple[str, str, Json], asker: int, index: int, later: Sequence[Mapping[str, Any]], waiting: list[Served]
) -> Plain:
    """The steps of one call that the model asked for; none where it was never made.

    What it was answered is what the model was told of it, where it was asked again; else what the world gave.
    """
    call_id, name, arguments = call
    reached = waiting.pop(0) if waiting and (waiting[0].name, waiting[0].arguments) == (name, arguments) else None
    heard = [json.loads(m["content"]) for m in later if m["role"] == "tool" and m["tool_call_id"] == call_id]
    if reached is None and not heard:
        return []
    answer = heard[0] if heard else {"error": reached.error} if reached.error is not None else reached.result
    failed = set(answer) == {"error"}
    step = {
        "tool": name,
        "arguments": arguments,
        "result": None if failed else answer,
        "error": answer["error"] if failed else None,
        "status": "error" if failed else "ok",
        "call_id": call_id,
        "requested_by": asker,
    }
    changed = reached is not None and reached.state is not None
    return [step, {"state": reached.state, "caused_by": index}] if changed else [step]


# --- trials


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One trial: what was recorded, and what the server and the world wrote down.

    Attributes:
        start: The world's state before.
        served: What the world served.
    """

    trial: Trial
    trajectory: Trajectory
    start: Json
    exchanges: Sequence[Exchange]
    served: Sequence[Served]

    @property
    def told(self) -> Plain:
        """What was recorded, in plain form."""
        return told(self.trajectory, self.start)

    @property
    def truth(self) -> Plain:
        """What was written down, in plain form."""
        return truth(self.exchanges, self.served)

    @property
    def ended(self) -> tuple[str, str | None]:
        """Status, and whose fault it was."""
        return self.trial.status, self.trial.fault_of

    def calls(self, kind: type) -> list[Any]:
        """The contents of that kind, in order."""
        return [content for _, content in self.trajectory.of(kind)]


class Trials:
    """Runs single trials of the chat agent in a small shop.

    Args:
        llm: The server that they use.
    """

    Seen = Seen
    truth = staticmethod(truth)
    told = staticmethod(told)

    def __init__(self, llm: Llm) -> None:
        self.llm = llm
        self._models: list[ChatCompletions] = []

    def model(self, way: str | None = None, *, base_url: str | None = None, **settings: Any) -> ChatCompletions:
        """The model at that way's base URL. It is asked for as `small`, and says that it is `smollm2`."""
        made = from_ref("openai:small", base_url=base_url or self.llm.url(way), env={}, **settings)
        self._models.append(made)
        return made

    def scenario(self, world: type | None = Shop, **changes: Any) -> tuple[Scenario, list[Any]]:
        """A scenario in a world, and the list that the worlds made for it land in."""
        made: list[Any] = []

        def make(seed: int) -> Any:
            made.append(world())
            return made[-1]

        base = Scenario(
            id="shop/errand",
            task="On which shelf is the tea?",
            instructions=POLICY,
            world=None if world is None else WorldRef(ref=world.__name__, digest="1", make=make),
        )
        return replace(base, **changes), made

    async def run(
        self,
        model: Model,
        *,
        seed: int = 7,
        temperature: float = 0.0,
        max_tokens: int = 48,
        alone: bool = True,
        world: type | None = Shop,
        prices: Prices | None = None,
        **changes: Any,
    ) -> Seen:
        """One trial; `changes` are of the scenario. If it is not alone, exchanges are told apart by its seed."""
        scenario, made = self.scenario(world, **changes)
        before = len(self.llm.exchanges())
        plan = TrialPlan(
            run="real",
            scenario=scenario,
            agent_name="chat",
            agent=ChatAgent(temperature=temperature, max_tokens=max_tokens),
            repeat=0,
            seed=seed,
            model=model,
            prices=prices,
        )
        result = await run_trial(plan, budget=Budget())
        passed = [each for each in self.llm.exchanges(after=before) if alone or each.asked["seed"] == seed]
        return Seen(
            trial=result.trial,
            trajectory=trajectory_of(result.spans),
            start=result.start_state,
            exchanges=passed,
            served=made[0].served if made else (),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        for model in self._models:
            await model.aclose()


@pytest.fixture
async def trials(llm: Llm) -> AsyncIterator[Trials]:
    """Runs trials on the server."""
    running = Trials(llm)
    yield running
    await running.aclose()


@pytest.fixture
def diary() -> type:
    """A world whose tool a model cannot call to the end."""
    return Diary


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[Trials]:
    """Runs trials on a server of the test's own, which it may kill."""
    running = Trials(Llm(tmp_path))
    yield running
    await running.aclose()
    running.llm.close()
