"""A trajectory, and what was run, said and concluded of it, in; the facts that it is found by out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from agenteval.core import semconv
from agenteval.core.find import Facts, name_of, words_of
from agenteval.core.json import Json
from agenteval.core.message import Message, ReasoningPart, RefusalPart, TextPart, ToolRequest, ToolResponse
from agenteval.core.outcome import Finding, Label, Trial
from agenteval.core.trajectory import Interrupt, ModelCall, ToolCall, Trajectory
from agenteval.core.used import plausible, used

MOST_WORDS = 16_000
"""Words of a trajectory that are looked for: PostgreSQL counts places no further than that."""

_LONGEST_TEXT = 1_000_000
_MOST_NAMES = 200  # of one kind
_LATEST = 2**63 - 1
_BY_ATTRIBUTE = {"user": semconv.USER, "tenant": semconv.TENANT, "version": semconv.VERSION}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a trajectory beside itself."""

    trials: Sequence[Trial] = ()
    findings: Sequence[Finding] = ()
    labels: Sequence[Label] = ()
    projects: Sequence[str] = ()


_NOTHING = About()


@dataclass(slots=True)
class _Names:
    """Names by kind, each once."""

    held: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])

    def add(self, kind: str, *names: object) -> None:
        of_kind = self.held.setdefault(kind, {})
        for name in names:
            # all traces are named: what is forgotten with one of them is found by it
            if isinstance(name, str) and name and (len(of_kind) < _MOST_NAMES or kind == "trace"):
                of_kind[name_of(name)] = None

    def sorted(self) -> dict[str, tuple[str, ...]]:
        return {kind: tuple(sorted(names)) for kind, names in sorted(self.held.items()) if names}


def facts_of(trajectory: Trajectory, about: About = _NOTHING) -> Facts:
    """The facts of a trajectory."""
    began, ended = _times(trajectory)
    amounts = used(trajectory).amounts
    cost = amounts["cost_usd"].total if "cost_usd" in amounts else trajectory.usage.cost_usd
    counted = [amounts[name].total for name in ("input_tokens", "output_tokens") if name in amounts]
    tokens = sum(counted) if counted else trajectory.usage.tokens
    return Facts(
        trajectory=trajectory.id,
        began_ns=began,
        duration_ns=ended - began if 0 < began <= ended else None,
        cost_usd=float(cost) if plausible(cost) else None,
        tokens=int(tokens) if plausible(tokens) else None,
        names=_names(trajectory, about),
        words=_words(trajectory),
    )


def _times(trajectory: Trajectory) -> tuple[int, int]:
    parts = [*trajectory.steps, *trajectory.runs]
    began = min((part.start_ns for part in parts if 0 < part.start_ns <= _LATEST), default=0)
    return began, max((part.end_ns for part in parts if 0 < part.end_ns <= _LATEST), default=0)


def _names(trajectory: Trajectory, about: About) -> Mapping[str, tuple[str, ...]]:
    names = _Names()
    models = [call for _, call in trajectory.of(ModelCall)]
    tools = [call for _, call in trajectory.of(ToolCall)]
    names.add("agent", trajectory.agent, *(run.name for run in trajectory.runs), *(one.agent for one in about.trials))
    names.add("model", *(call.model for call in models))
    names.add("tool", *(call.name for call in tools))
    names.add("session", trajectory.conversation_id)
    names.add("trace", *trajectory.trace_ids, *(one for trial in about.trials for one in trial.trace_ids))
    failed = any(call.error is not None for call in models) or any(
        call.error is not None or call.status == "error" for call in tools
    )
    names.add("status", "error" if failed else "ok", trajectory.end.reason, *(one.status for one in about.trials))
    for kind, attribute in _BY_ATTRIBUTE.items():
        names.add(kind, trajectory.attributes.get(attribute))
    names.add("project", *about.projects)
    names.add("run", *(one.run for one in about.trials))
    names.add("scenario", *(one.scenario for one in about.trials))
    for finding in about.findings:
        names.add("finding", finding.check, f"{finding.check}={finding.verdict}")
        names.add("verdict", finding.verdict)
    for label in about.labels:
        names.add("label", label.criterion, f"{label.criterion}={_shown(label.value)}")
    return names.sorted()


def _shown(value: Json) -> str:
    """A label's value as people write it in a query."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- words


def _words(trajectory: Trajectory) -> list[str]:
    """The words that were said in it, from its beginning, up to `MOST_WORDS`."""
    found: list[str] = []
    said: set[str] = set()  # what a model call repeats was said once
    for text in _texts(trajectory):
        if text not in said:
            said.add(text)
            found += words_of(text[:_LONGEST_TEXT])
            if len(found) >= MOST_WORDS:
                return found[:MOST_WORDS]
    return found


def _texts(trajectory: Trajectory) -> Iterator[str]:
    for step in trajectory.steps:
        content = step.content
        if isinstance(content, Message):
            yield from _message(content)
        elif isinstance(content, ModelCall):
            for message in (*content.messages, *content.output):
                yield from _message(message)
            yield content.error or ""
        elif isinstance(content, ToolCall):
            yield from _json(content.arguments)
            yield from _json(content.result)
            yield content.error or ""
        elif isinstance(content, Interrupt):
            yield from _json([content.value, content.answer])


def _message(message: Message) -> Iterator[str]:
    for part in message.parts:
        if isinstance(part, (TextPart, ReasoningPart, RefusalPart)):
            yield part.text
        elif isinstance(part, ToolRequest):
            yield from _json(part.arguments)
        elif isinstance(part, ToolResponse):
            yield from _json(part.response)


def _json(value: Json) -> Iterator[str]:
    """The texts and numbers within a JSON value, without recursion: foreign values may be deep."""
    waiting: list[Iterator[Json]] = [iter([value])]
    while waiting:
        for item in waiting[-1]:
            if isinstance(item, str):
                yield item
            elif isinstance(item, Mapping):
                waiting.append(iter(cast("Mapping[str, Json]", item).values()))
                break
            elif isinstance(item, Iterable):
                waiting.append(iter(cast("Iterable[Json]", item)))
                break
            elif isinstance(item, (int, float)) and not isinstance(item, bool):
                yield str(item)
        else:
            waiting.pop()
