"""tau2-bench result files: one JSON object with `info`, `tasks` and `simulations`, gzip-packed or not.

Both sides of a conversation may call tools (dual control). What the simulated user calls lies outside the agent's
turns and is marked as the user's; what the user's own model cost is kept in the record and counted for nobody. A
greeting that the harness says in the agent's place, which is the first message and used no tokens, is a message
without a model call. A tool failed where its message says `error: true`; where a file was stripped of that member, it
failed where its answer begins with `Error:`, as the environment writes it.

How a simulation ended decides the trial's status:

    user_stop, agent_stop                                    completed
    max_steps, timeout                                       limit
    agent_error, too_many_errors, context_window_exceeded    agent_error
    user_error                                               invalid, the user's fault
    infrastructure_error, unexpected_error                   invalid, the harness's fault
    anything else                                            invalid: what it means is not known here

Times are local times without an offset, and are taken as UTC.

References:
    Barres et al. 2025, tau2-bench (arXiv 2506.07982); repository sierra-research/tau2-bench.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agenteval.core import semconv
from agenteval.core.outcome import TrialStatus
from agenteval.intake.formats._conversation import NOT_EACH_REQUEST, Answer, Conversation, Request
from agenteval.intake.formats._heads import head_of
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._openai import text_of
from agenteval.intake.formats._parts import arguments_of, parts_of, plain_text, reasoning_of
from agenteval.intake.formats._reading import (
    each,
    hash_of,
    list_of,
    maybe_count,
    maybe_number,
    maybe_object,
    maybe_objects,
    maybe_text,
    never_nothing,
    object_of,
    objects_of,
    one_line,
    shown,
    text_id,
    time_of,
    whole_number,
)
from agenteval.intake.formats._record import Imported, Record, TrialFacts
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._split import split
from agenteval.intake.formats._trace import Trace

NAME = "tau2"
TITLE = "tau2-bench results (an object with simulations)"

_RECORDS = "simulations"
_ENDS: Final[Mapping[str, tuple[TrialStatus, str | None]]] = {
    "user_stop": ("completed", None),
    "agent_stop": ("completed", None),
    "max_steps": ("limit", None),
    "timeout": ("limit", None),
    "agent_error": ("agent_error", "agent"),
    "too_many_errors": ("agent_error", "agent"),
    "context_window_exceeded": ("agent_error", "agent"),
    "user_error": ("invalid", "user"),
    "infrastructure_error": ("invalid", "harness"),
    "unexpected_error": ("invalid", "harness"),
}


def detect(look: Look) -> bool:
    """An object with simulations."""
    return look.shape == "object" and _RECORDS in look.keys


def read(source: Source) -> Iterator[Record]:
    """The head, then every simulation."""
    content = yield from head_of(source, NAME, _RECORDS)
    run = _Run(content)
    with source.open() as read_bytes:
        records = each(source, split(read_bytes, frozenset({_RECORDS})), run.record, of=_RECORDS)
        yield from never_nothing(records, source.refusal(_RECORDS, "the file holds no simulations"))


class _Run:
    """What the head says of all simulations."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        info = maybe_object(head.get("info"))
        agent = maybe_object(info.get("agent_info"))
        names = [maybe_text(agent.get(name)) for name in ("implementation", "llm")]
        self._agent = "/".join(name for name in names if name)
        self._model = names[1]
        self._suite = maybe_text(maybe_object(info.get("environment_info")).get("domain_name"))
        self._tasks = {str(task.get("id")): hash_of(task) for task in maybe_objects(head.get("tasks"))}

    def record(self, source: Source, record: Decoded, position: str) -> Imported:
        """One simulation as a trace."""
        data = object_of(record.clean, "a simulation")
        messages = objects_of(data.get("messages"), "messages")
        facts = self._facts(data, source.stem)
        trace = Trace(source, position, facts.agent)
        began, ended = time_of(data.get("start_time")), time_of(data.get("end_time"))
        times = [at for at in (time_of(message.get("timestamp")) for message in messages) if at is not None]
        start_ns = min((at for at in (began, *times[:1]) if at is not None), default=0)
        conversation = Conversation(trace, start_ns=start_ns, timed=bool(times))
        for at, message in enumerate(messages):
            self._add(conversation, message, f"messages[{at}]", first=at == 0)
        conversation.finish()
        trace.attributes[semconv.END_REASON] = maybe_text(data.get("termination_reason"))
        trace.attributes[semconv.END_DETAIL] = facts.error
        _label(trace, data)
        return trace.close(NAME, record, facts, span_ns=(start_ns, max(ended or start_ns, start_ns)))

    def _facts(self, data: Mapping[str, Any], stem: str) -> TrialFacts:
        task = text_id(data.get("task_id"), "task_id")
        status, fault_of, error = _end(data)
        return TrialFacts(
            scenario=task,
            scenario_hash=self._tasks.get(task, ""),
            repeat=whole_number(data.get("trial") or 0, "trial"),
            agent=self._agent or stem,
            status=status,
            error=error,
            fault_of=fault_of,
            suite=self._suite,
            seed=maybe_count(data.get("seed")),
            seconds=maybe_number(data.get("duration")),
        )

    def _add(self, conversation: Conversation, message: Mapping[str, Any], what: str, *, first: bool) -> None:
        role, content = maybe_text(message.get("role")), message.get("content")
        at_ns = time_of(message.get("timestamp"))
        parts = [*reasoning_of(message), *parts_of(content)]
        requests = _requests(message, what)
        if role == "system":
            conversation.system(parts, plain_text(content))
        elif role == "user":
            conversation.user(parts, at_ns=at_ns, requests=requests)
        elif role == "assistant":
            greeting = first and not requests and not message.get("usage") and not message.get("raw_data")
            chat = None if greeting else self._chat(message)
            conversation.assistant(parts, requests=requests, chat=chat, at_ns=at_ns)
        elif role == "tool":
            for answer in objects_of(message.get("tool_messages", [message]), f"{what}.tool_messages"):
                conversation.tool(_answer(answer, at_ns))
        else:
            raise Unreadable(f"{what}.role is {shown(message.get('role'))}: known are system, user, assistant and tool")

    def _chat(self, message: Mapping[str, Any]) -> dict[str, Any]:
        usage = maybe_object(message.get("usage"))
        finish = maybe_text(maybe_object(message.get("raw_data")).get("finish_reason"))
        missing = {"messages": NOT_EACH_REQUEST}
        if self._model is None:
            missing["model"] = "the file does not name the model"
        if not usage:
            missing["usage"] = "the file keeps no token counts of this message"
        return {
            semconv.REQUEST_MODEL: self._model,
            semconv.INPUT_TOKENS: maybe_count(usage.get("prompt_tokens")),
            semconv.OUTPUT_TOKENS: maybe_count(usage.get("completion_tokens")),
            semconv.COST_USD: maybe_number(message.get("cost")),
            semconv.FINISH_REASONS: None if finish is None else [finish],
            semconv.NOT_RECORDED: missing,
        }


def _end(data: Mapping[str, Any]) -> tuple[TrialStatus, str | None, str | None]:
    """Status, whose fault it was, and what went wrong."""
    reason = maybe_text(data.get("termination_reason"))
    if reason is None:
        return "invalid", "harness", "the file does not say how the simulation ended"
    if reason not in _ENDS:
        return "invalid", "harness", f"the simulation ended by {shown(reason)}, and what that means is not known"
    status, fault_of = _ENDS[reason]
    if fault_of is None:
        return status, None, None
    said = maybe_text(maybe_object(data.get("info")).get("error"))
    return status, fault_of, reason if said is None else f"{reason}: {one_line(said)}"


def _requests(message: Mapping[str, Any], what: str) -> Sequence[Request]:
    calls = message.get("tool_calls")
    if calls is None:
        return []
    found: list[Request] = []
    for at, item in enumerate(list_of(calls, f"{what}.tool_calls")):
        call = object_of(item, f"{what}.tool_calls[{at}]")
        name = call.get("name")
        if not isinstance(name, str) or not name:
            raise Unreadable(f"{what}.tool_calls[{at}] names no tool")
        arguments = arguments_of(call.get("arguments"))
        found.append(Request(name=name, arguments=arguments, call_id=maybe_text(call.get("id"))))
    return found


def _answer(message: Mapping[str, Any], at_ns: int | None) -> Answer:
    text = text_of(message.get("content"))
    flag = message.get("error")
    failed = flag is True or (flag is None and text.startswith("Error:"))
    return Answer(
        call_id=maybe_text(message.get("id")),
        name=maybe_text(message.get("name")),
        result=message.get("content"),
        error=text if failed else None,
        at_ns=time_of(message.get("timestamp")) or at_ns,
        by_user=message.get("requestor") == "user",
    )


def _label(trace: Trace, data: Mapping[str, Any]) -> None:
    """The reward, what it is the product of, and every check behind it, as recorded."""
    found = maybe_object(data.get("reward_info"))
    at = data.get("timestamp")
    if "reward" in found:
        trace.label("reward", found["reward"], scale=[0, 1], at=at)
    for name, value in maybe_object(found.get("reward_breakdown")).items():
        trace.label(f"reward:{name}", value, scale=[0, 1], at=at)
    database = maybe_object(found.get("db_check"))
    if "db_match" in database:
        trace.label("db_match", database["db_match"], at=at)
    for check in maybe_objects(found.get("env_assertions")):
        rule = maybe_object(check.get("env_assertion"))
        name = f"env:{rule.get('env_type')}.{rule.get('func_name')}"
        trace.label(name, check.get("met"), note=json.dumps(rule.get("arguments")), at=at)
    for check in maybe_objects(found.get("action_checks")):
        name = f"action:{maybe_object(check.get('action')).get('action_id')}"
        trace.label(name, check.get("action_match"), at=at)
    for kind, key, member in (("communicate", "info", "communicate_checks"), ("nl", "nl_assertion", "nl_assertions")):
        for check in maybe_objects(found.get(member)):
            name = f"{kind}:{one_line(str(check.get(key)))}"
            trace.label(name, check.get("met"), note=check.get("justification"), at=at)
