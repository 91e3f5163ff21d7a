"""Model calls and tool calls in, who asked for which call out; and results and calls that only histories tell of.

A call is paired with the request of its call id, else with a request of the same name whose arguments are the same,
else fit, else with one of the same name. Of several requests that of the latest model call before it is meant. A
request is used once. A request that no span answers for is a call all the same where a later model call was handed
its answer: so do calls of agents come in whose tools are not instrumented.
"""

from __future__ import annotations

import bisect
import functools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import cast

from agenteval.core.json import Json
from agenteval.core.message import ToolRequest, ToolResponse
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall
from agenteval.telemetry.drafts import CALLED, HANDED, Draft, reasons
from agenteval.telemetry.likeness import (
    bare_id,
    fits_arguments,
    handed_to,
    last_name,
    lookup_key,
    same_arguments,
    same_call_id,
    same_tool,
    told_error,
    transfer_target,
)
from agenteval.telemetry.recalled import recall, talk
from agenteval.telemetry.remembering import remembered

_NOT_SENT = "not_sent: the request that was recorded does not hold it"
_CUT_OFF = "not_sent: nothing that was recorded after the request tells of the call; whether it was made is not known"
_ANSWERS = frozenset({"final_answer"})
"""Pseudo tools whose argument is the agent's answer."""


@dataclass(eq=False, slots=True)
class _Asked:
    """A request, the model call that made it, and the answer that a later model call was handed."""

    asker: Draft
    number: int
    request: ToolRequest
    answer: ToolResponse | None = None
    reader: Draft | None = None
    taken: bool = False


def pair(drafts: Sequence[Draft]) -> list[Draft]:
    """Name each call's requester, fill in what requests and histories know; gives the calls found in histories."""
    models = sorted((draft for draft in drafts if isinstance(draft.content, ModelCall)), key=lambda draft: draft.key)
    calls = sorted(
        (draft for draft in drafts if isinstance(draft.content, (ToolCall, Handoff))), key=lambda draft: draft.key
    )
    recall(models)
    asked = [
        _Asked(model, number, request)
        for model in models
        for number, request in enumerate(cast("ModelCall", model.content).requests)
    ]
    _answers(models, asked)
    found = _paired(calls, asked)
    for call, request in found:
        _complete(call, request)
    paired = {call for call, _ in found}
    _unrecorded(models, [call for call in calls if call not in paired])
    for call in calls:
        _tell_error(call)
    last = _last_models(models)
    if asked and not calls and not any(one.answer for one in asked):
        last |= _asked_again(models)  # nothing here says what became of any request, and yet the talk went on
    return [draft for one in asked if not one.taken for draft in _from_history(one, last=one.asker in last)]


def _last_models(models: Sequence[Draft]) -> set[Draft]:
    """Of each scope of each trace, the model call after which nothing more came."""
    return set({(model.scope, model.node.span.trace_id): model for model in models}.values())


def _asked_again(models: Sequence[Draft]) -> set[Draft]:
    """The model calls after which another was asked the same thing: somebody had answered what they asked for."""
    found: set[Draft] = set()
    for number, model in enumerate(models):
        heard = talk(cast("ModelCall", model.content))
        later = (other for other in models[number + 1 :] if other.scope == model.scope)
        if heard and any(talk(cast("ModelCall", other.content))[: len(heard)] == heard for other in later):
            found.add(model)
    return found


# --- answers


def _answers(models: Sequence[Draft], asked: Sequence[_Asked]) -> None:
    """Find, for each request, the first later model call that was handed its answer."""
    by_id = _by_id([one for one in asked if one.request.id])
    by_call = functools.cache(lambda: _by_call(asked))  # where ids are recorded, nobody asks for it
    for number, reader in enumerate(models):
        told: set[_Asked] = set()
        strays: list[ToolResponse] = []
        for request, response in _exchanges(cast("ModelCall", reader.content)):
            names = [part.id for part in (response, request) if part is not None and part.id]
            named = (found for name in names if (found := by_id.get(bare_id(name))))
            candidates = next(named, None) or _unnamed(by_call, request)
            one = next((one for one in candidates if _is_told(one, response, reader, told)), None)
            if one is not None:
                told.add(one)
                if one.answer is None:
                    one.answer, one.reader = response, reader
            elif request is None and response.id:
                strays.append(response)
        if strays:
            before = next((model for model in reversed(models[:number]) if model.scope == reader.scope), None)
            _named_otherwise(strays, reader, [one for one in asked if one.asker is before])
    _answers_by_place(models, asked)


def _named_otherwise(strays: Sequence[ToolResponse], reader: Draft, asked: Sequence[_Asked]) -> None:
    """Answers without their requests, as the Responses API is sent them, are those of the call before.

    Some instrumentations give the requests the ids of the items that they were, and not those of the calls.
    """
    if len(strays) != len(asked) or any(one.answer is not None for one in asked):
        return
    for response, one in zip(strays, asked, strict=True):
        one.answer, one.reader = response, reader
        one.request = replace(one.request, id=response.id or one.request.id)


def _is_told(one: _Asked, response: ToolResponse, reader: Draft, told: AbstractSet[_Asked]) -> bool:
    """Whether a history may tell of a request: one that it has not told of, answered by none or by what it says.

    A whole history tells of earlier calls again: what a second call like the first got comes after what that one got.
    """
    if one.asker is reader or one.asker.start_ns > reader.start_ns or one in told:
        return False
    if one.answer is None:
        return True
    return not reader.node.reading.delta and one.answer.response == response.response


def _answers_by_place(models: Sequence[Draft], asked: Sequence[_Asked]) -> None:
    """Find answers that name no call and follow no request: new ones answer, in order, what was asked last.

    Where requests have ids, all of what was asked must have its answer.
    """
    open_: dict[int, list[_Asked]] = {}
    for one in asked:
        if one.answer is None:
            open_.setdefault(id(one.asker), []).append(one)
    before: dict[str, Draft] = {}
    for reader in models if open_ else ():
        asker = before.get(reader.scope)
        before[reader.scope] = reader
        waiting = [] if asker is None else open_.get(id(asker), [])
        fresh = _nameless(asker, reader) if asker is not None and waiting else []
        if len(fresh) == len(waiting) or not any(one.request.id for one in waiting):
            for one, response in zip(waiting, fresh, strict=False):
                one.answer, one.reader = response, reader


def _nameless(asker: Draft, reader: Draft) -> list[ToolResponse]:
    """The answers without a name that a model call was handed, and the one before it was not."""
    known = 0 if reader.node.reading.delta else len(list(_exchanges(cast("ModelCall", asker.content))))
    fresh = list(_exchanges(cast("ModelCall", reader.content)))[known:]
    return [response for request, response in fresh if request is None and not response.id]


def _by_id(asked: Sequence[_Asked]) -> dict[str, list[_Asked]]:
    by_id: dict[str, list[_Asked]] = {}
    for one in asked:
        if one.request.id is not None:
            by_id.setdefault(bare_id(one.request.id), []).append(one)
    return by_id


def _by_call(asked: Sequence[_Asked]) -> dict[tuple[str, object], list[_Asked]]:
    by_call: dict[tuple[str, object], list[_Asked]] = {}
    for one in asked:
        by_call.setdefault(_call_of(one.request), []).append(one)
    return by_call


def _unnamed(
    by_call: Callable[[], Mapping[tuple[str, object], Sequence[_Asked]]], request: ToolRequest | None
) -> Iterator[_Asked]:
    """Requests that a request in a history may be, where either was recorded without its id."""
    if request is None:
        return
    for one in by_call().get(_call_of(request), ()):
        if not (request.id and one.request.id) and same_arguments(one.request.arguments, request.arguments):
            yield one


@remembered
def _call_of(request: ToolRequest) -> tuple[str, object]:
    """A tool and its arguments as something that can be looked up: equal for requests whose arguments are the same."""
    return request.name, lookup_key(request.arguments)


def _exchanges(call: ModelCall) -> Iterator[tuple[ToolRequest | None, ToolResponse]]:
    """The answers that a model call was handed, each with the request before it that it answers."""
    parts = [part for message in call.messages for part in message.parts]
    answered = {bare_id(part.id) for part in parts if isinstance(part, ToolResponse) and part.id}
    open_: list[ToolRequest] = []
    for part in parts:
        if isinstance(part, ToolRequest):
            open_.append(part)
        elif isinstance(part, ToolResponse):
            yield _request_of(part, open_, answered), part


def _request_of(response: ToolResponse, open_: list[ToolRequest], answered: set[str]) -> ToolRequest | None:
    """The request that an answer belongs to; of ids of two kinds, the first request that no answer names."""
    for number, request in enumerate(open_):
        if not response.id or not request.id or same_call_id(response.id, request.id):
            return open_.pop(number)
    for number, request in enumerate(open_):
        if request.id and bare_id(request.id) not in answered:
            return open_.pop(number)
    return None


# --- pairing


def _paired(calls: Sequence[Draft], asked: Sequence[_Asked]) -> list[tuple[Draft, _Asked]]:
    found: list[tuple[Draft, _Asked]] = []
    rest = list(calls)
    open_ = _Open(asked)
    for fits in (_same_id, _same_call, _fitting_call, _same_name, _same_call_whenever):
        left: list[Draft] = []
        for call in rest:
            one = open_.best(call, fits)
            if one is None:
                left.append(call)
                continue
            open_.take(one)
            found.append((call, one))
        rest = left
    return found


_Fits = Callable[[Draft, "_Asked"], bool]
_Place = tuple[object, ...]
"""Where requests are looked for: under their ids, or in a scope under their names, with their arguments or without."""


class _Open:
    """Requests that no call answers for yet.

    Args:
        asked: All requests, by the time of the model calls that made them.
    """

    def __init__(self, asked: Sequence[_Asked]) -> None:
        self._at: dict[_Place, list[_Asked]] = {}
        for one in asked:
            for place in _places_of(one):
                self._at.setdefault(place, []).append(one)

    def best(self, call: Draft, fits: _Fits) -> _Asked | None:
        """The request that fits a call best, among those nearest in time."""
        there = self._at.get(_place_of(call, fits), [])
        at = bisect.bisect_right(there, call.start_ns, key=lambda one: one.asker.start_ns)
        candidates = [one for one in there[max(0, at - _LOOKED_AT) : at + _LOOKED_AT] if fits(call, one)]
        before = [one for one in candidates if one.asker.start_ns <= call.start_ns]
        if before:
            return max(before, key=lambda one: (*_near(call, one), one.asker.key, -one.number))
        # by clocks that differ: calls of one request came in its order
        return min(candidates, key=lambda one: (*map(operator.not_, _near(call, one)), *_when(one)), default=None)

    def take(self, one: _Asked) -> None:
        """Note that a call answers for a request."""
        one.taken = True
        for place in _places_of(one):
            there = self._at[place]
            at = bisect.bisect_left(there, _when(one), key=_when)
            while there[at] is not one:  # spans of two traces may have one id
                at += 1
            del there[at]


_LOOKED_AT = 200  # open requests before and after a call; more are open only where most of a record is lost
_HANDOFFS: _Place = ()


def _places_of(one: _Asked) -> list[_Place]:
    scope, name, arguments = one.asker.scope, *_call_of(one.request)
    places: list[_Place] = [(scope, last_name(name)), (scope, last_name(name), arguments)]
    if one.request.id is not None:
        places.append((bare_id(one.request.id),))
    if transfer_target(name) is not None:
        places.append(_HANDOFFS)
    return places


def _place_of(call: Draft, fits: _Fits) -> _Place:
    content = call.content
    if not isinstance(content, ToolCall):
        return _HANDOFFS
    if fits is _same_id:
        return (None if content.call_id is None else bare_id(content.call_id),)
    place = call.scope, last_name(content.name)
    return (*place, lookup_key(content.arguments)) if fits in {_same_call, _same_call_whenever} else place


def _when(one: _Asked) -> tuple[tuple[int, int, int, str], int]:
    return one.asker.key, one.number


def _near(call: Draft, one: _Asked) -> tuple[bool, bool]:
    return one.asker.scope == call.scope, one.asker.run == call.run


def _same_id(call: Draft, one: _Asked) -> bool:
    content = call.content
    if not isinstance(content, ToolCall) or content.call_id is None or one.request.id is None:
        return False
    return same_call_id(content.call_id, one.request.id)


def _same_name(call: Draft, one: _Asked) -> bool:
    content = call.content
    if isinstance(content, Handoff):
        return transfer_target(one.request.name) is not None
    if not isinstance(content, ToolCall) or not same_tool(content.name, one.request.name):
        return False
    known = content.call_id is not None and one.request.id is not None
    return one.asker.scope == call.scope and one.asker.start_ns <= call.start_ns and not known


def _same_call(call: Draft, one: _Asked) -> bool:
    return one.asker.start_ns <= call.start_ns and _same_call_whenever(call, one)


def _same_call_whenever(call: Draft, one: _Asked) -> bool:
    """The clocks of a tool's service and of the agent's may differ."""
    content = call.content
    if not isinstance(content, ToolCall) or not same_tool(content.name, one.request.name):
        return False
    known = content.call_id is not None and one.request.id is not None
    return one.asker.scope == call.scope and not known and same_arguments(content.arguments, one.request.arguments)


def _fitting_call(call: Draft, one: _Asked) -> bool:
    content = call.content
    return (
        isinstance(content, ToolCall)
        and _same_name(call, one)
        and fits_arguments(content.arguments, one.request.arguments)
    )


def _unrecorded(models: Sequence[Draft], calls: Sequence[Draft]) -> None:
    """Name the requester of calls whose request was not recorded: the last model call before that may have asked.

    Of clocks that tell milliseconds, the call's own instant is that of the model call that was handed its answer.
    """
    possible: dict[str, list[Draft]] = {}
    for model in models:
        if _may_have_asked(model):
            possible.setdefault(model.scope, []).append(model)
    for call in calls:
        content = call.content
        if not isinstance(content, ToolCall):
            continue
        there = possible.get(call.scope, [])
        first = bisect.bisect_left(there, call.start_ns, key=lambda model: model.start_ns)
        before = there[max(0, first - 1) : first]
        at_once = there[first : bisect.bisect_right(there, call.start_ns, key=lambda model: model.start_ns)]
        if before or at_once:
            asker = (before or at_once)[-1]
            call.content = replace(content, requested_by=asker.id)
            call.after.append(asker)
            for model in at_once:
                if model is not asker:
                    model.after.append(call)


def _may_have_asked(model: Draft) -> bool:
    content = cast("ModelCall", model.content)
    return not content.requests and content.error is None and bool({"output", "requests"} & model.missing.keys())


# --- what requests and histories know


def _complete(call: Draft, one: _Asked) -> None:
    """Name who asked for a call, and take from its request and answer what its span does not say."""
    call.after.append(one.asker)
    call.place = one.number
    if one.reader is not None:
        one.reader.after.append(call)
    content = call.content
    if isinstance(content, Handoff):
        if not content.target:
            call.content = Handoff(target=handed_to(transfer_target(one.request.name) or "", one.request.arguments))
            call.missing = reasons(call.missing, "target")
        return
    if not isinstance(content, ToolCall):
        return
    changes: dict[str, Json] = {"requested_by": one.asker.id, "call_id": content.call_id or _id_of(one)}
    unrecorded = _unrecorded_values(one)
    if "arguments" not in unrecorded and ("arguments" in call.missing or not isinstance(content.arguments, dict)):
        changes["arguments"] = one.request.arguments
        call.missing = reasons(call.missing, "arguments")
    told = one.answer if "result" not in unrecorded else None
    if "result" in call.missing and told is not None and content.error is None:
        changes["result"] = told.response
        if content.status == "unknown":
            changes["status"] = "ok"
        call.missing = reasons(call.missing, "result", "status")
    call.content = replace(content, **cast("dict[str, str]", changes))


def _id_of(one: _Asked) -> str | None:
    """The id of a call: its answer's, which the tool's was, before its request's, which may be that of an item."""
    return (None if one.answer is None else one.answer.id) or one.request.id


def _tell_error(call: Draft) -> None:
    content = call.content
    if isinstance(content, ToolCall) and content.error is None and "result" not in call.missing:
        error = told_error(content.result)
        if error is not None:
            call.content = replace(content, error=error, status="error")


def _from_history(one: _Asked, *, last: bool) -> Iterator[Draft]:
    """The call that a request became, where no span tells of it but a later model call was handed its answer.

    A request with which all that was recorded ends is a call of which nothing more is known.
    """
    target = transfer_target(one.request.name)
    if one.request.name in _ANSWERS or (one.answer is None and target is None and not last):
        return
    content: ToolCall | Handoff
    if target is not None:
        content = Handoff(target=handed_to(target, one.request.arguments))
    else:
        response = None if one.answer is None else one.answer.response
        error = told_error(response)
        content = ToolCall(
            name=one.request.name,
            arguments=one.request.arguments,
            result=response,
            error=error,
            status="ok" if error is None else "error",
            call_id=_id_of(one),
            requested_by=one.asker.id,
        )
    draft = _between(one, content)
    if isinstance(content, ToolCall):
        draft.missing = _unrecorded_values(one)
        if "status" in draft.missing:
            draft.content = replace(content, status="unknown")
    if one.reader is not None:
        one.reader.after.append(draft)
    yield draft


def _unrecorded_values(one: _Asked) -> dict[str, str]:
    """What neither a request nor its answer holds, with the reason: senders may keep contents back, not names."""
    missing: dict[str, str] = {}
    if one.request.arguments is None:
        missing["arguments"] = one.asker.missing.get("output", _NOT_SENT)
    if one.answer is None:
        return {**missing, "result": _CUT_OFF, "status": _CUT_OFF}
    kept_back = None if one.reader is None else one.reader.missing.get("messages")
    if one.answer.response is None and kept_back is not None:
        missing |= {"result": kept_back, "status": kept_back}
    return missing


def _between(one: _Asked, content: ToolCall | Handoff) -> Draft:
    """A draft that stands between the model call that asked and the one that was handed the answer."""
    asker, reader = one.asker, one.reader
    return Draft(
        id=f"{asker.node.span.span_id}.r{one.number}",
        content=content,
        start_ns=asker.end_ns,
        end_ns=asker.end_ns if reader is None else max(asker.end_ns, reader.start_ns),
        rank=CALLED if isinstance(content, ToolCall) else HANDED,
        node=asker.node,
        run=asker.run,
        scope=asker.scope,
        also=() if reader is None else (reader.node.span.span_id,),
        after=[asker],
    )
