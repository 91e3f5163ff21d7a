"""A compiled graph and how it will be run in, a refusal out where that cannot work, before anything is run."""

from __future__ import annotations

import dataclasses
import itertools
import linecache
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NotRequired, cast, get_origin, get_type_hints

from langgraph.graph import StateGraph

from agenteval.errors import RequestError

_MESSAGES = "messages"
_CONFIGURABLE = "configurable"  # the part of a RunnableConfig that graphs read their own settings from


def refuse_misfit(graph: Any, *, maps_input: bool, maps_output: bool, has_context: bool) -> None:
    """Refuse a graph that could only be run wrongly.

    Args:
        graph: The compiled graph.
        maps_input: `input` was given, so that it need not take `messages`.
        maps_output: `output` was given, so that it need not give `messages`.
        has_context: `context` was given.

    Raises:
        RequestError: The message names the graph and the remedy.
    """
    for why in _misfits(graph, maps_input=maps_input, maps_output=maps_output, has_context=has_context):
        raise RequestError(f"{named(graph)} {why}")


def named(graph: Any) -> str:
    """How a graph is called in an error."""
    name = getattr(graph, "name", None)
    return f'graph "{name}"' if isinstance(name, str) and name != "LangGraph" else "the graph"


def missing_config(error: BaseException) -> str | None:
    """The key that a node looked up in its config in vain; None where the error is another one.

    The innermost expression tells: `config["configurable"]["user_id"]`.
    """
    trace = error.__traceback__
    if not isinstance(error, KeyError) or trace is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    line, last, start, end = next(itertools.islice(code.co_positions(), trace.tb_lasti // 2, None), (None,) * 4)
    if line is None or line != last:
        return None
    expression = linecache.getline(code.co_filename, line).encode()[start:end].decode("utf-8", "replace")
    return str(error.args[0]) if _CONFIGURABLE in expression and error.args else None


def _misfits(graph: Any, *, maps_input: bool, maps_output: bool, has_context: bool) -> Iterable[str]:
    taken, given = _inputs(graph), _outputs(graph)
    if not maps_input and taken is not None and _MESSAGES not in taken:
        yield (
            f'takes {_listed(taken)}, and no "messages", so it would never hear what is said: '
            "give LangGraphAgent an `input=` that turns messages into its input"
        )
    if not maps_output and given is not None and _MESSAGES not in given:
        yield (
            f'gives {_listed(given)}, and no "messages", so nobody would hear what it says: '
            "give LangGraphAgent an `output=` that finds the reply in it"
        )
    if getattr(graph, "checkpointer", None) is True:
        yield "is compiled with checkpointer=True, which only a graph inside another one can be: give it one of its own"
    breaks = [name for side in ("before", "after") for name in _breaks(graph, side)]
    if breaks:
        yield (
            f"is compiled to stop before or after {_listed(breaks)}, where no user can answer: take interrupt_before "
            "and interrupt_after out, and let a node call interrupt()"
        )
    missing = () if has_context else _required(getattr(graph, "context_schema", None))
    if missing:
        yield f"needs a context with {_listed(missing)}: give LangGraphAgent a `context=`"


def _inputs(graph: Any) -> Sequence[str] | None:
    """What a graph made from a StateGraph takes; None of another one."""
    builder: object = getattr(graph, "builder", None)
    if not isinstance(builder, StateGraph):
        return None
    state = cast("Any", builder)
    return list(state.schemas.get(state.input_schema, ())) or None


def _outputs(graph: Any) -> Sequence[str] | None:
    channels: object = getattr(graph, "output_channels", None)
    if not isinstance(getattr(graph, "builder", None), StateGraph):
        return None
    return [channels] if isinstance(channels, str) else list(cast("Sequence[str]", channels))


def _breaks(graph: Any, side: str) -> Sequence[str]:
    nodes: object = getattr(graph, f"interrupt_{side}_nodes", ())
    return ["every node"] if nodes == "*" else list(cast("Sequence[str]", nodes or ()))


def _required(schema: Any) -> Sequence[str]:
    """Fields of a context that have no default."""
    if schema is None:
        return ()
    if dataclasses.is_dataclass(schema):
        unset = dataclasses.MISSING
        fields = dataclasses.fields(schema)
        return [field.name for field in fields if field.default is unset and field.default_factory is unset]
    if hasattr(schema, "__required_keys__"):
        return _required_keys(schema)
    fields = cast("Mapping[str, Any]", getattr(schema, "model_fields", {}))
    return [name for name, field in fields.items() if field.is_required()]


def _required_keys(schema: Any) -> Sequence[str]:
    """Keys that a TypedDict requires; none where its annotations, which may be text, cannot be resolved."""
    try:
        hints = get_type_hints(schema, include_extras=True)
    except (NameError, TypeError):
        return ()
    return sorted(key for key in schema.__required_keys__ if get_origin(hints[key]) is not NotRequired)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' if name != "every node" else name for name in names)
