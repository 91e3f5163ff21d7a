"""Conformance kits: any World or User in; nothing out, or an AssertionError that says what it does wrong.

async def test_my_world():
    await world_conformance(Shop, calls=[("get_order", {"order": "1187"}), ("cancel_order", {"order": "1201"})])

async def test_my_user():
    await user_conformance(lambda seed: MyUser(seed), secrets=["1187", "ada@example.com"])

Both are coroutines, to be awaited in a test.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from agenteval._util.canonical import canonical, content_hash
from agenteval._util.patch import apply, equal
from agenteval.core.json import Json
from agenteval.core.message import Message, text_message
from agenteval.core.ports import Answerer, Sandbox, SandboxedWorld, User, World
from agenteval.errors import ToolError

ToolCalls = Sequence[tuple[str, Mapping[str, Json]]]

_NO_SUCH = "no_such_thing_anywhere"
_TURNS = 50
_STATEMENTS = ("All done.", "I am sorry, I cannot help with that.", "")


async def world_conformance(
    make_world: Callable[[int], World], *, calls: ToolCalls = (), make_sandbox: Callable[[], Sandbox] | None = None
) -> None:
    """Put a world through what the harness relies on.

    Args:
        make_world: Builds a fresh world from a seed.
        calls: Calls that succeed one after the other on a fresh world; at least one of them should change its state.
        make_sandbox: Builds a sandbox, for a world that lives in one.

    Raises:
        AssertionError: It does something wrong; the message says what.
    """
    _check_tools(make_world(0))
    _check_same_seed(make_world)
    async with _opened(make_world(0), make_sandbox) as world:
        await _check_refusals(world, calls)
    async with _opened(make_world(0), make_sandbox) as world, _opened(make_world(0), make_sandbox) as other:
        await _check_changes(world, other, calls)
    async with _opened(make_world(0), make_sandbox) as world:
        await _check_restore(world, calls)


@asynccontextmanager
async def _opened(world: World, make_sandbox: Callable[[], Sandbox] | None) -> AsyncGenerator[World]:
    """The world, in a sandbox of its own where it lives in one."""
    if not isinstance(world, SandboxedWorld):
        yield world
        return
    if make_sandbox is None:
        raise TypeError("this world lives in a sandbox: pass make_sandbox=agenteval.sandbox.bubblewrap")
    async with make_sandbox() as sandbox:
        before = canonical(world.state())
        await world.open(sandbox)
        _demand(
            canonical(world.state()) == before, "open() changed the state: it must be told before the sandbox is there"
        )
        _demand(world.changes() == [], "changes() must be empty after open()")
        yield world


def _check_tools(world: World) -> None:
    tools = world.tools()
    names = [tool.name for tool in tools]
    _demand(len(set(names)) == len(names), f"two tools have one name: {sorted(names)}")
    for tool in tools:
        schema = cast("Any", tool.parameters)
        _demand(
            isinstance(schema, Mapping) and cast("Any", schema).get("type") == "object",
            f"the JSON schema of {tool.name}'s arguments must be an object's, not {schema!r}",
        )


def _check_same_seed(make_world: Callable[[int], World]) -> None:
    first, second = make_world(7), make_world(7)
    _demand(content_hash(first.state()) == content_hash(second.state()), "the same seed gave two different states")
    _demand(first.changes() == [], "changes() of a fresh world must be empty")


async def _check_refusals(world: World, calls: ToolCalls) -> None:
    good = dict(calls)
    before = canonical(world.state())
    for tool in world.tools():
        await _refused(
            world, tool.name, {**good.get(tool.name, {}), _NO_SUCH: 1}, f"{tool.name} with an unknown argument"
        )
    await _refused(world, _NO_SUCH, {}, "an unknown tool")
    _demand(canonical(world.state()) == before, "a ToolError must leave the state unchanged")


async def _refused(world: World, tool: str, arguments: Mapping[str, Json], what: str) -> None:
    try:
        await world.call(tool, arguments)
    except ToolError:
        pass
    except Exception as error:
        raise AssertionError(f"{what} must raise ToolError, not {type(error).__name__}: {error}") from error
    else:
        raise AssertionError(f"{what} must raise ToolError; it was accepted")
    _demand(world.changes() == [], f"{what}: after a ToolError changes() must be empty")


async def _check_changes(world: World, other: World, calls: ToolCalls) -> None:
    start = world.state()
    text = canonical(start)
    told: list[Mapping[str, Json]] = []
    for tool, arguments in calls:
        before = world.state()
        result = await world.call(tool, arguments)
        canonical(result)  # raises where it is not JSON
        changes = world.changes()
        told += changes
        _demand(
            equal(apply(before, changes), world.state()), f"{tool}: changes() is not what changed in state(): {changes}"
        )
    _demand(world.changes() == [], "changes() must be empty when nothing happened since it was last asked")
    _demand(equal(apply(start, told), world.state()), "all changes together do not lead from the start to the end")
    _demand(canonical(start) == text, "a state() that was handed out was changed by later calls")
    _demand(canonical(other.state()) == text, "a call in one world changed another world")


async def _check_restore(world: World, calls: ToolCalls) -> None:
    start = canonical(world.state())
    moment = world.snapshot()
    first = [await _run(world, tool, arguments) for tool, arguments in calls]
    end = canonical(world.state())
    _demand(not calls or end != start, "none of the calls changed the state: give at least one that does")
    for _ in range(2):
        world.restore(moment)
        _demand(canonical(world.state()) == start, "restore() did not bring back the state of the snapshot")
        again = [await _run(world, tool, arguments) for tool, arguments in calls]
        _demand(canonical(world.state()) == end, "after restore() the same calls led to another state")
        _demand(again == first, "after restore() the same calls gave other results or changes")


async def _run(world: World, tool: str, arguments: Mapping[str, Json]) -> bytes:
    result = await world.call(tool, arguments)
    return canonical([result, world.changes()])


async def user_conformance(
    make_user: Callable[[int], User], *, secrets: Sequence[str] = (), says: Sequence[str] = _STATEMENTS
) -> None:
    """Put a user through what the harness relies on.

    Args:
        make_user: Builds a fresh user from a seed.
        secrets: What it must not say unasked; none of `says` may ask for it.
        says: What an agent says, over and over, that asks nothing.

    Raises:
        AssertionError: It does something wrong; the message says what.
    """
    for seed in (0, 7):
        first = await _conversation(make_user(seed), says)
        second = await _conversation(make_user(seed), says)
        _demand(first == second, f"the same seed ({seed}) and messages gave two different conversations")
        _demand(first[-1] is None, f"the user was not done after {_TURNS} replies to an agent that asks nothing")
        said = " ".join(reply for reply in first if reply is not None)
        for secret in secrets:
            _demand(secret not in said, f"the user said {secret!r} without being asked")
        answers = await _answers(make_user(seed))
        _demand(answers == await _answers(make_user(seed)), f"the same seed ({seed}) gave two different answers")


async def _answers(user: User) -> list[bool | str | None]:
    """What a user answers to what an agent cannot go on without; nothing where it can only reply."""
    if not isinstance(user, Answerer):
        return []
    asked = [text_message("user", "Hello."), text_message("assistant", "May I go on?")]
    answers = [await user.answer(asked) for _ in range(3)]
    for answer in answers:
        _demand(
            answer is None or isinstance(cast("object", answer), (bool, str)),
            f"an answer is True, False, text or None, not {answer!r}",
        )
    return answers


async def _conversation(user: User, says: Sequence[str]) -> list[str | None]:
    messages: list[Message] = [text_message("user", "Hello.")]
    replies: list[str | None] = []
    for turn in range(_TURNS):
        messages.append(text_message("assistant", says[turn % len(says)]))
        reply = await user.reply(tuple(messages))
        _demand(reply is None or isinstance(cast("object", reply), str), f"a reply is text or None, not {reply!r}")
        replies.append(reply)
        if reply is None:
            break
        messages.append(text_message("user", reply))
    return replies


def _demand(holds: object, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
