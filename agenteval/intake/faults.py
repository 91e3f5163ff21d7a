"""`faults:` of a scenario in, the faults that it plants out.

Each item names a tool and one way to misbehave:

- {tool: issue_refund, on_call: 1, raises: timeout}                  on_call is 1 unless given
- {tool: issue_refund, raises: timeout, applied: true}               it took effect, and its answer was lost
- {tool: get_order, raises: error}                                   or {code: unavailable, message: Try again later.}
- {tool: get_order, returns: empty}                                  or malformed, or {value: any JSON}
- {tool: track_shipment, on_call: 2, delays: 1.5}                    seconds

A call that raises takes no effect, and one that returns something else does, unless `applied` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from agenteval.core.scenario import Fault
from agenteval.intake.written import Amount, Text, Written, dotted, quoted
from agenteval.intake.yaml import Document, Trail

_LONGEST_DELAY_S = 3600


class _RaisedShape(Written):
    kind: Literal["timeout", "error"] = "error"
    code: Text | None = None
    message: Text | None = None


class _ReturnedShape(Written):
    kind: Literal["empty", "malformed", "value"] = "value"
    value: Any


def _raised(written: object) -> object:
    if isinstance(written, str):
        return {"kind": _one_of(written, ("timeout", "error"), "{code: NAME, message: TEXT}")}
    return written


def _returned(written: object) -> object:
    if isinstance(written, str):
        return {"kind": _one_of(written, ("empty", "malformed"), "{value: JSON}"), "value": None}
    return written


def _one_of(word: str, known: tuple[str, ...], otherwise: str) -> str:
    if word not in known:
        raise ValueError(f"is {quoted(word)}; it must be {', '.join(known)} or {otherwise}")
    return word


class FaultShape(Written):
    """One of `faults:`."""

    tool: Text
    on_call: Annotated[int, Field(ge=1)] = 1
    raises: Annotated[_RaisedShape, BeforeValidator(_raised)] | None = None
    returns: Annotated[_ReturnedShape, BeforeValidator(_returned)] | None = None
    delays: Amount | None = None
    applied: bool | None = None


def read_faults(shapes: Sequence[FaultShape], document: Document) -> tuple[Fault, ...]:
    """The faults that were written. Raises ScenarioError where one misbehaves in no way or in several."""
    faults: list[Fault] = []
    for number, shape in enumerate(shapes):
        path: Trail = ("faults", number)
        faults.append(_fault(shape, document, path))
        twin = next((other for other in faults[:-1] if _same_call(other, faults[-1])), None)
        if twin is not None:
            raise document.error(
                f"{dotted(path)}: call {twin.on_call} of {twin.tool} has a fault already; a call can have one", path
            )
    return tuple(faults)


def _same_call(a: Fault, b: Fault) -> bool:
    return (a.tool, a.on_call) == (b.tool, b.on_call)


def _fault(shape: FaultShape, document: Document, path: Trail) -> Fault:
    ways = [name for name in ("raises", "returns", "delays") if getattr(shape, name) is not None]
    if len(ways) != 1:
        found = " and ".join(ways) or "none of them"
        raise document.error(f"{dotted(path)}: a fault is one of raises, returns and delays, not {found}", path)
    if shape.delays is not None:
        return _delay(shape, shape.delays, document, path)
    if shape.returns is not None:
        made = Fault(tool=shape.tool, on_call=shape.on_call, kind=shape.returns.kind, value=shape.returns.value)
        return replace(made, applied=True if shape.applied is None else shape.applied)
    raised = shape.raises or _RaisedShape()
    made = Fault(tool=shape.tool, on_call=shape.on_call, kind=raised.kind, applied=bool(shape.applied))
    return replace(made, code=raised.code, message=raised.message)


def _delay(shape: FaultShape, seconds: float, document: Document, path: Trail) -> Fault:
    if shape.applied is False:
        raise document.error(f"{dotted(path)}: a call that is late takes effect; take applied out", (*path, "applied"))
    if seconds > _LONGEST_DELAY_S:
        raise document.error(
            f"{dotted(path)}: delays is {seconds:g} seconds; at most {_LONGEST_DELAY_S} are allowed", (*path, "delays")
        )
    return Fault(tool=shape.tool, on_call=shape.on_call, kind="latency", applied=True, seconds=seconds)
