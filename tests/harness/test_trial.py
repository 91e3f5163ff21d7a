"""What ends a trial how, and whose fault it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from agenteval.agents.chat import ChatAgent
from agenteval.agents.function import FunctionAgent
from agenteval.core.message import Message, ToolRequest, text_message
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.ports import Agent, Model
from agenteval.core.scenario import Limits, Scenario, UserRef, WorldRef
from agenteval.core.trajectory import ModelCall, OfferedTool, StateChange, ToolCall, Usage
from agenteval.errors import ContextExceeded, ModelError, RequestError, ScenarioError, ToolError
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial
from agenteval.models.price import Prices
from agenteval.telemetry.assemble import trajectory_of

CANARY = "the-intent-must-stay-hidden"


class Till:
    """A till with one amount in it."""

    def __init__(self, start: int = 0) -> None:
        self._state: dict[str, Any] = {"amount": start}
        self._changes: list[dict[str, Any]] = []

    def tools(self) -> Sequence[OfferedTool]:
        schema = {"type": "object", "properties": {"by": {"type": "integer"}}, "required": ["by"]}
        return [OfferedTool(name=name, description=name, parameters=schema) for name in ("add", "look", "break_down")]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        if tool == "break_down":
            raise ZeroDivisionError("the till fell over")
        if tool == "look":
            return {"amount": self._state["amount"]}
        if tool != "add":
            raise ToolError(f'there is no tool "{tool}"', code="unknown_tool")
        if arguments["by"] < 0:
            raise ToolError("the amount must not be negative", code="negative")
        self._state = {"amount": self._state["amount"] + arguments["by"]}
        self._changes.append({"op": "replace", "path": "/amount", "value": self._state["amount"]})
        return {"amount": self._state["amount"]}

    def changes(self) -> list[dict[str, Any]]:
        told, self._changes = self._changes, []
        return told

    def state(self) -> Any:
        return self._state

    def snapshot(self) -> object:
        return self._state

    def restore(self, snapshot: object) -> None:
        self._state = snapshot


class Lines:
    """A user who says fixed lines."""

    def __init__(self, *lines: str | Exception) -> None:
        self._lines = list(lines)

    async def reply(self, messages: Sequence[Message]) -> str | None:
        if not self._lines:
            return None
        line = self._lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return line


def user(opening: str, *lines: str | Exception) -> UserRef:
    return UserRef(spec={"says": opening}, opening=opening, make=lambda seed: Lines(*lines))


def scenario(**changes: Any) -> Scenario:
    base = Scenario(
        id="till/add",
        task="add three",
        intent=CANARY,
        world=WorldRef(ref="Till", digest="1", make=lambda seed: Till()),
        limits=Limits(calls=10, seconds=20),
    )
    return replace(base, **changes)


@pytest.fixture
def trial() -> Callable[..., Any]:
    """Runs one trial of an agent on the till."""

    async def run(
        agent: Agent, *, model: Model | None = None, budget: Budget | None = None, prices: Any = None, **changes: Any
    ) -> TrialResult:
        plan = TrialPlan(
            run="test", scenario=scenario(**changes), agent_name="bob", agent=agent, repeat=0, seed=7, model=model,
            prices=prices,
        )  # fmt: skip
        return await run_trial(plan, budget=budget or Budget())

    return run


Trial = Callable[..., Awaitable[TrialResult]]


def calls(result: TrialResult) -> list[tuple[str, Any, str | None]]:
    return [(call.name, call.result, call.error) for _, call in trajectory_of(result.spans).of(ToolCall)]


def said(result: TrialResult) -> list[tuple[str, str]]:
    return [(m.role, m.text) for _, m in trajectory_of(result.spans).of(Message)]


async def adds_three(session: Any) -> None:
    for amount in (1, 2):
        await session.call("add", {"by": amount})
    await session.say("added three")


class Scripted:
    """A model that gives fixed completions, or raises them."""

    name = "scripted"

    def __init__(self, *answers: Completion | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> Completion:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def wants(tool: str, arguments: Any, usage: Usage | None = None) -> Completion:
    message = Message(role="assistant", parts=(ToolRequest(name=tool, arguments=arguments, id=f"id-{tool}"),))
    return Completion(message=message, model="m", usage=usage or Usage(input_tokens=10, output_tokens=5))


def says(text: str) -> Completion:
    return Completion(message=text_message("assistant", text), model="m", usage=Usage(input_tokens=20, output_tokens=1))


async def test_a_finished_trial_is_recorded_whole(trial: Trial) -> None:
    result = await trial(FunctionAgent(adds_three))
    assert (result.trial.status, result.trial.error, result.trial.fault_of) == ("completed", None, None)
    trajectory = trajectory_of(result.spans)
    assert calls(result) == [("add", {"amount": 1}, None), ("add", {"amount": 3}, None)]
    assert said(result) == [("user", "add three"), ("assistant", "added three")]
    assert [change.patch for _, change in trajectory.of(StateChange)] == [
        ({"op": "replace", "path": "/amount", "value": 1},),
        ({"op": "replace", "path": "/amount", "value": 3},),
    ]
    assert trajectory.integrity.complete
    assert trajectory.offered_tools == ("add", "break_down", "look")
    assert trajectory.end.reason == "completed"
    assert trajectory.end.start_state != trajectory.end.end_state
    assert result.start_state == {"amount": 0}


async def test_a_user_answers_until_done(trial: Trial) -> None:
    async def polite(session: Any) -> None:
        heard = session.opening
        while heard is not None:
            heard = await session.say(f"you said: {heard}")

    result = await trial(FunctionAgent(polite), user=user("hello", "more"), task=None)
    assert [run.parent for run in trajectory_of(result.spans).runs] == [None, None]
    assert said(result) == [
        ("user", "hello"),
        ("assistant", "you said: hello"),
        ("user", "more"),
        ("assistant", "you said: more"),
    ]


async def test_a_domain_error_goes_to_the_agent_and_is_recorded(trial: Trial) -> None:
    heard: list[str] = []

    async def agent(session: Any) -> None:
        for tool, arguments in (("add", {"by": -1}), ("nothing", {}), ("add", "text")):
            try:
                await session.call(tool, arguments)
            except ToolError as error:
                heard.append(str(error))

    result = await trial(FunctionAgent(agent))
    assert result.trial.status == "completed"
    assert heard == [
        "the amount must not be negative",
        'there is no tool "nothing"',
        "arguments must be a JSON object, not 'text'",
    ]
    assert [error for _, _, error in calls(result)] == heard


async def test_an_agent_that_raises_is_an_agent_error(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        await session.call("add", {"by": 1})
        raise KeyError("oops")

    result = await trial(FunctionAgent(agent))
    assert (result.trial.status, result.trial.error, result.trial.fault_of) == (
        "agent_error",
        "KeyError: 'oops'",
        "agent",
    )
    assert len(calls(result)) == 1


async def test_a_domain_error_that_the_agent_lets_go_is_its_own(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        await session.call("add", {"by": -1})

    assert (await trial(FunctionAgent(agent))).trial.status == "agent_error"


@pytest.mark.parametrize("swallows", [True, False])
async def test_a_world_that_raises_is_never_the_agents_fault(trial: Trial, swallows: bool) -> None:
    async def agent(session: Any) -> None:
        try:
            await session.call("break_down", {})
        except Exception:
            if not swallows:
                raise

    result = await trial(FunctionAgent(agent))
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "world")
    assert "the till fell over" in (result.trial.error or "")
    assert result.spans


async def test_a_world_whose_changes_do_not_account_for_its_state_is_invalid(trial: Trial) -> None:
    class Sly(Till):
        def changes(self) -> list[dict[str, Any]]:
            return []

    result = await trial(FunctionAgent(adds_three), world=WorldRef(ref="Sly", digest="2", make=lambda seed: Sly()))
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "world")
    assert "changes() do not account" in (result.trial.error or "")


@pytest.mark.parametrize("state", [float("nan"), {1: 2}, object()])
async def test_a_state_that_is_no_json_is_the_worlds_fault(trial: Trial, state: Any) -> None:
    class Odd(Till):
        def state(self) -> Any:
            return state

    result = await trial(FunctionAgent(adds_three), world=WorldRef(ref="Odd", digest="3", make=lambda seed: Odd()))
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "world")


async def test_a_world_that_cannot_be_built_is_the_worlds_fault(trial: Trial) -> None:
    def broken(seed: int) -> Any:
        raise RuntimeError("no stock file")

    result = await trial(FunctionAgent(adds_three), world=WorldRef(ref="Broken", digest="4", make=broken))
    assert (result.trial.status, result.trial.fault_of, result.trial.error) == (
        "invalid",
        "world",
        "RuntimeError: no stock file",
    )


async def test_a_user_that_raises_is_never_the_agents_fault(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        await session.say("hello")

    result = await trial(FunctionAgent(agent), user=user("hi", ValueError("script ran out")), task=None)
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "user")


@pytest.mark.parametrize(
    ("error", "whose"),
    [(ModelError("503"), "model"), (RequestError("no model"), "harness"), (ScenarioError("x"), "scenario")],
)
async def test_faults_of_others_are_invalid(trial: Trial, error: Exception, whose: str) -> None:
    async def agent(session: Any) -> None:
        raise error

    result = await trial(FunctionAgent(agent))
    assert (result.trial.status, result.trial.fault_of) == ("invalid", whose)


# --- limits


async def test_calls_stop_at_the_limit(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        while True:
            await session.call("add", {"by": 1})

    result = await trial(FunctionAgent(agent), limits=Limits(calls=3))
    assert result.trial.status == "limit"
    assert result.trial.error == "limit reached: calls 4 of 3"
    assert len(calls(result)) == 3
    trajectory = trajectory_of(result.spans)
    assert (trajectory.end.reason, trajectory.end.detail) == ("limit", "calls")
    assert trajectory.integrity.complete


@pytest.mark.parametrize("caught", [Exception, BaseException])
async def test_an_agent_that_swallows_everything_is_stopped_all_the_same(trial: Trial, caught: type) -> None:
    async def agent(session: Any) -> None:
        while True:
            with contextlib.suppress(caught):
                await session.call("add", {"by": 1})

    result = await trial(FunctionAgent(agent), limits=Limits(calls=3))
    assert (result.trial.status, len(calls(result))) == ("limit", 3)


async def test_zero_is_a_limit(trial: Trial) -> None:
    result = await trial(FunctionAgent(adds_three), limits=Limits(calls=0))
    assert (result.trial.status, calls(result)) == ("limit", [])


async def test_turns_stop_at_the_limit_and_the_last_word_is_kept(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        heard = session.opening
        while heard is not None:
            heard = await session.say("go on")

    result = await trial(FunctionAgent(agent), limits=Limits(turns=2), user=user("a", "b", "c", "d"), task=None)
    assert (result.trial.status, result.trial.error) == ("limit", "limit reached: turns 3 of 2")
    assert said(result) == [("user", "a"), ("assistant", "go on"), ("user", "b"), ("assistant", "go on"), ("user", "c")]


# what interrupts a blocked loop may hit a callback of the interpreter's own, which passes over it: it comes again
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("limits", [Limits(turns=2), Limits(seconds=0.05)])
async def test_an_agent_that_speaks_for_ever_to_nobody_is_stopped(trial: Trial, limits: Limits) -> None:
    async def agent(session: Any) -> None:
        while True:
            await session.say("and another thing")

    assert (await trial(FunctionAgent(agent), limits=limits)).trial.status == "limit"


async def test_time_stops_an_agent_that_waits_for_ever(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        await session.call("add", {"by": 1})
        await asyncio.Event().wait()

    result = await trial(FunctionAgent(agent), limits=Limits(seconds=0.05))
    assert (result.trial.status, trajectory_of(result.spans).end.detail) == ("limit", "seconds")
    assert len(calls(result)) == 1


async def test_time_stops_a_sync_agent_that_never_returns(trial: Trial) -> None:
    done: list[bool] = []

    def agent(text: str) -> str:
        while not done:
            time.sleep(0.01)
        return "late"

    result = await trial(FunctionAgent(agent), limits=Limits(seconds=0.05))
    done.append(True)
    assert result.trial.status == "limit"


async def test_tokens_stop_at_the_limit_and_are_recorded(trial: Trial) -> None:
    model = Scripted(wants("add", {"by": 1}), wants("add", {"by": 2}), wants("add", {"by": 3}), says("done"))
    result = await trial(ChatAgent(), model=model, limits=Limits(tokens=25))
    assert (result.trial.status, result.trial.error) == ("limit", "limit reached: tokens 30 of 25")
    assert trajectory_of(result.spans).usage == Usage(input_tokens=20, output_tokens=10)
    assert len(model.requests) == 2


async def test_money_stops_at_the_limit(trial: Trial) -> None:
    model = Scripted(wants("add", {"by": 1}), wants("add", {"by": 2}), says("done"))
    prices = Prices(input=100_000, output=0.0)
    result = await trial(ChatAgent(), model=model, prices=prices, limits=Limits(usd=1.5))
    assert (result.trial.status, result.trial.error) == ("limit", "limit reached: usd 2 of 1.5")


async def test_a_spent_budget_is_nobodys_failure(trial: Trial) -> None:
    model = Scripted(wants("add", {"by": 1}), says("done"))
    budget = Budget(max_usd=0.5)
    result = await trial(ChatAgent(), model=model, prices=Prices(input=100_000, output=0.0), budget=budget)
    assert result.not_counted
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "harness")
    assert budget.spent
    assert budget.spent_usd == pytest.approx(1.0)


# --- the chat agent


async def test_the_chat_agent_calls_tools_and_says_what_the_model_says(trial: Trial) -> None:
    model = Scripted(wants("add", {"by": 1}), wants("look", {}), says("there is 1"))
    result = await trial(ChatAgent(), model=model, instructions="count well")
    trajectory = trajectory_of(result.spans)
    assert result.trial.status == "completed"
    assert calls(result) == [("add", {"amount": 1}, None), ("look", {"amount": 1}, None)]
    assert said(result) == [("system", "count well"), ("user", "add three"), ("assistant", "there is 1")]
    model_calls = trajectory.of(ModelCall)
    assert [call.usage for _, call in model_calls] == [
        Usage(input_tokens=10, output_tokens=5),
        Usage(input_tokens=10, output_tokens=5),
        Usage(input_tokens=20, output_tokens=1),
    ]
    assert [call.requested_by for _, call in trajectory.of(ToolCall)] == [step.id for step, _ in model_calls[:2]]
    assert [len(request.messages) for request in model.requests] == [2, 4, 6]
    assert [tool.name for tool in model.requests[0].tools] == ["add", "look", "break_down"]


async def test_wrong_calls_go_back_to_the_model(trial: Trial) -> None:
    model = Scripted(wants("addd", {}), wants("add", "not json"), says("sorry"))
    result = await trial(ChatAgent(), model=model)
    assert result.trial.status == "completed"
    assert [error for _, _, error in calls(result)] == [
        'there is no tool "addd"',
        "arguments must be a JSON object, not 'not json'",
    ]


async def test_a_model_that_fails_makes_the_trial_invalid_and_is_recorded(trial: Trial) -> None:
    result = await trial(ChatAgent(), model=Scripted(wants("add", {"by": 1}), ModelError("the endpoint is down")))
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "model")
    assert [call.error for _, call in trajectory_of(result.spans).of(ModelCall)] == [None, "the endpoint is down"]


async def test_a_fallback_for_a_dead_model_does_not_make_the_trial_valid(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        try:
            await session.model.complete(ModelRequest(messages=()))
        except ModelError:
            await session.say("I could not think")

    result = await trial(FunctionAgent(agent), model=Scripted(ModelError("down")))
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "model")


async def test_a_conversation_that_outgrows_the_model_ends_the_trial_as_a_limit(trial: Trial) -> None:
    result = await trial(ChatAgent(), model=Scripted(wants("add", {"by": 1}), ContextExceeded("too long")))
    assert (result.trial.status, result.trial.fault_of) == ("limit", None)
    assert result.trial.error == "ContextExceeded: too long"
    trajectory = trajectory_of(result.spans)
    assert (trajectory.end.reason, trajectory.end.detail) == ("limit", "context")
    assert [call.error for _, call in trajectory.of(ModelCall)] == [None, "too long"]
    assert calls(result) == [("add", {"amount": 1}, None)]


async def test_a_users_model_is_not_the_agents(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        await session.say("hello")

    result = await trial(FunctionAgent(agent), user=user("hi", ContextExceeded("too long")), task=None)
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "model")


async def test_an_agent_may_shorten_what_is_too_long_and_go_on(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        try:
            await session.model.complete(ModelRequest(messages=()))
        except ContextExceeded:
            answer = await session.model.complete(ModelRequest(messages=()))
            await session.say(answer.message.text)

    result = await trial(FunctionAgent(agent), model=Scripted(ContextExceeded("too long"), says("shorter")))
    assert (result.trial.status, result.trial.fault_of) == ("completed", None)
    assert said(result)[-1] == ("assistant", "shorter")


async def test_an_agent_that_fails_after_it_shortened_has_failed(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        try:
            await session.model.complete(ModelRequest(messages=()))
        except ContextExceeded:
            {}["summary"]  # a fault of its own, in its own handling

    result = await trial(FunctionAgent(agent), model=Scripted(ContextExceeded("too long")))
    assert (result.trial.status, result.trial.fault_of) == ("agent_error", "agent")


async def test_an_agent_that_puts_it_in_other_words_is_understood(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        try:
            await session.model.complete(ModelRequest(messages=()))
        except ContextExceeded as error:
            message = "no answer"
            raise RuntimeError(message) from error

    result = await trial(FunctionAgent(agent), model=Scripted(ContextExceeded("too long")))
    assert (result.trial.status, result.trial.error) == ("limit", "RuntimeError: no answer")


async def test_a_model_of_the_agents_own_is_understood_by_what_its_client_raises(trial: Trial) -> None:
    class BadRequestError(Exception):
        """As openai.BadRequestError: the status, and the inner error object as body."""

        def __init__(self, status_code: int, body: Any) -> None:
            super().__init__(f"Error code: {status_code} - {body}")
            self.status_code, self.body = status_code, body

    def agent(text: str) -> str:
        raise errors.pop()

    errors: list[Exception] = [
        BadRequestError(400, {"message": "no", "type": "invalid_request_error", "code": "context_length_exceeded"}),
        BadRequestError(400, None),
        BadRequestError(400, {"message": "no", "code": "invalid_value"}),
        RuntimeError("a page of mine says: prompt is too long"),
    ]
    found = [(await trial(FunctionAgent(agent))).trial.status for _ in range(4)]
    assert found == ["agent_error", "agent_error", "agent_error", "limit"]


async def test_unreported_usage_is_unmeasured(trial: Trial) -> None:
    silent = Completion(message=text_message("assistant", "hi"), model="m", usage=Usage())
    result = await trial(ChatAgent(), model=Scripted(silent))
    assert trajectory_of(result.spans).usage == Usage(unmeasured_calls=1)


# --- what the agent must not know, and where things are kept apart


async def test_the_intent_reaches_no_agent(trial: Trial) -> None:
    seen: list[str] = []

    async def agent(session: Any) -> None:
        names = [name for name in dir(session) if not name.startswith("__")]
        seen.extend(repr(getattr(session, name)) for name in names)
        seen.extend(repr(value) for value in vars(session).values())

    model = Scripted(says("done"))
    results = [await trial(FunctionAgent(agent)), await trial(ChatAgent(), model=model)]
    everything = json.dumps([repr(asdict(span)) for result in results for span in result.spans])
    assert seen
    assert CANARY not in "".join(seen)
    assert CANARY not in everything
    assert CANARY not in repr(model.requests)


async def test_trials_at_once_keep_their_own_spans(trial: Trial) -> None:
    async def agent(session: Any) -> None:
        for _ in range(5):
            await session.call("add", {"by": 1})
            await asyncio.sleep(0)

    results = await asyncio.gather(*(trial(FunctionAgent(agent), version=str(n)) for n in range(20)))
    assert len({result.trial.trajectory for result in results}) == 20
    assert all(len(calls(result)) == 5 and calls(result)[-1][1] == {"amount": 5} for result in results)


async def test_a_trial_that_is_cancelled_lets_go(trial: Trial) -> None:
    started = asyncio.Event()
    stopped = asyncio.Event()

    async def agent(session: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    task = asyncio.create_task(trial(FunctionAgent(agent)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stopped.wait()
