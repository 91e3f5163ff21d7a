"""tau-bench result files: one JSON list of `{task_id, trial, reward, traj, info}`.

`traj` is the conversation as OpenAI-style messages; of the requests in one message the agent loop runs the first only,
so that a request without a tool message is a request and no call. A tool failed where its answer begins with `Error`,
the one sign that the environment gives. Neither times nor models are recorded.

A trial is `limit` where `info.reward_info` is null (the loop came to its number of steps, and nothing was evaluated),
`invalid` where `info.error` says that the run raised (what, it does not say), and `completed` otherwise.

References:
    Yao et al. 2024, tau-bench (arXiv 2406.12045); repository sierra-research/tau-bench.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agenteval.core import semconv
from agenteval.intake.formats._conversation import NOT_EACH_REQUEST, Conversation
from agenteval.intake.formats._json import Decoded
from agenteval.intake.formats._openai import converse
from agenteval.intake.formats._reading import (
    each,
    hash_of,
    maybe_object,
    maybe_text,
    object_of,
    one_line,
    text_id,
    whole_number,
)
from agenteval.intake.formats._record import Imported, Record, TrialFacts
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._split import split
from agenteval.intake.formats._trace import Trace

NAME = "tau-bench"
TITLE = "tau-bench results (a list of task_id, trial, reward, traj)"

_CHAT: Mapping[str, Any] = {
    semconv.NOT_RECORDED: {
        "messages": NOT_EACH_REQUEST,
        "model": "the file does not name the model",
        "usage": "the file keeps no token counts",
    }
}


def detect(look: Look) -> bool:
    """A list of objects with a task and a trajectory."""
    return look.shape == "list" and isinstance(look.first, dict) and {"task_id", "traj"} <= look.first.keys()


def read(source: Source) -> Iterator[Record]:
    """Every record of the list."""
    with source.open() as read_bytes:
        yield from each(source, split(read_bytes), _record)


def _record(source: Source, record: Decoded, position: str) -> Imported:
    data = object_of(record.clean, "a record")
    facts = _facts(data, source.stem)
    trace = Trace(source, position, facts.agent)
    converse(Conversation(trace), data.get("traj"), "traj", chat=_CHAT, failed=_failed)
    trace.attributes[semconv.END_REASON] = "error" if facts.status == "invalid" else facts.status
    trace.attributes[semconv.END_DETAIL] = facts.error
    if "reward" in data:
        trace.label("reward", data["reward"], scale=[0, 1])
    parts = maybe_object(maybe_object(maybe_object(data.get("info")).get("reward_info")).get("info"))
    for name in ("r_actions", "r_outputs"):
        if name in parts:
            trace.label(name, parts[name], scale=[0, 1])
    return trace.close(NAME, record, facts)


def _failed(message: Mapping[str, Any], text: str) -> bool:
    del message
    return text.startswith("Error")


def _facts(data: Mapping[str, Any], agent: str) -> TrialFacts:
    info = maybe_object(data.get("info"))
    error = maybe_text(info.get("error"))
    limit = "reward_info" in info and info["reward_info"] is None
    return TrialFacts(
        scenario=text_id(data.get("task_id"), "task_id"),
        scenario_hash=hash_of(info.get("task")),
        repeat=whole_number(data.get("trial", 0), "trial"),
        agent=agent,
        status="invalid" if error is not None else "limit" if limit else "completed",
        error=None if error is None else one_line(error),
        fault_of=None if error is None else "harness",
    )
