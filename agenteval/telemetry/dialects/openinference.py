"""Spans of OpenInference instrumentations (`openinference.span.kind`) as readings.

Contents are flattened into attributes with an index in their names; where attributes were dropped, indexes begin
late or have gaps. `tool.parameters` is the schema of a tool, except where it gives the arguments, as AutoGen's and
Agno's do.

References:
    OpenInference specification (Arize-ai/openinference, spec/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agenteval.core.message import Message, text_message
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Handoff, OfferedTool, Usage
from agenteval.telemetry.dialects import build
from agenteval.telemetry.dialects.answers import Answer, answer_of, id_in
from agenteval.telemetry.dialects.arguments import is_schema, parsed
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import bare_answer, messages_of, offered_of
from agenteval.telemetry.dialects.flattened import messages_under, prompts_under, with_answers
from agenteval.telemetry.dialects.held import (
    Held,
    by_index,
    first_text,
    is_object,
    is_redacted,
    list_of,
    object_of,
    text_of,
    usage_or_none,
    value_of,
)
from agenteval.telemetry.dialects.langchain import is_agent, is_node
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.smolagents import spoken_through
from agenteval.telemetry.dialects.tokens import usage_of
from agenteval.telemetry.dialects.told import heard_of, said_of

NAME = "openinference"

KIND = "openinference.span.kind"
_SCOPE = "openinference."
_LANGCHAIN = "openinference.instrumentation.langchain"
_HANDOFF = re.compile(r"^hand-?off(?: to)? (.+)$", re.IGNORECASE)
_AGENT_RUN = re.compile(r"^(?:agent_run|invocation) \[(.+)\]$")  # how Google's ADK 1 names its spans
_MINTED = re.compile(r"_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")  # what CrewAI adds to the name of a crew
_LLAMA = "openinference.instrumentation.llama_index"
_AT_WORK = re.compile(r"current_agent_name='([^'\\]{1,200})'\)")
_NO_CALL = ("_prepare_chat_with_tools",)  # LlamaIndex: makes a request ready, and sends none
_ALSO_IN_ANSWERS = {  # attribute to a word without which the answer's JSON cannot say it either
    "llm.model_name": "",
    "llm.finish_reason": "",
    "llm.token_count.prompt": "",
    "llm.token_count.completion": "",
    "llm.token_count.prompt_details.cache_read": "cache",
    "llm.token_count.completion_details.reasoning": "reasoning",
}
_METHODS = ("._execute_core", ".kickoff", ".kickoff_async", ".run", ".run_stream", ".arun", ".on_messages_stream")


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What an OpenInference span says; None for any other."""
    kind = _kind(span)
    if kind is None:
        return None
    held = Held(span)
    held.raw(KIND)
    found = Found(NAME, span, held)
    _whose(found)
    if kind == "LLM":
        return _model(found)
    if kind == "TOOL":
        return _tool(found)
    if kind == "AGENT":
        return _agent(found)
    return _chain(found, children) if kind == "CHAIN" else found.plumbing()


def _kind(span: Span) -> str | None:
    """The kind of span; guessed from what else there is where it was dropped."""
    kind = span.attributes.get(KIND)
    if isinstance(kind, str):
        return kind.upper()
    scope = span.scope.get("name")
    if not isinstance(scope, str) or not scope.startswith(_SCOPE):
        return None
    if any(name.startswith(("llm.input_messages.", "llm.output_messages.")) for name in span.attributes):
        return "LLM"
    return "TOOL" if "tool.name" in span.attributes else "UNKNOWN"


def _whose(found: Found) -> None:
    metadata = object_of(found.held.value("metadata"))
    found.session = found.held.text("session.id") or first_text(metadata, "session_id", "thread_id", "conversation_id")
    found.user = found.held.text("user.id") or first_text(metadata, "user_id")
    found.agent = first_text(metadata, "lc_agent_name")


# --- model calls


def _model(found: Found) -> Reading:
    held = found.held
    if found.span.name.endswith(_NO_CALL):
        return found.plumbing()
    lost = found.span.dropped_attributes > 0
    heard, heard_gaps = messages_under(held.under("llm.input_messages."), lost=lost)
    said, said_gaps = messages_under(held.under("llm.output_messages."), lost=lost)
    if held.text("llm.provider") == "google":
        heard = tuple(replace(message, parts=tuple(map(bare_answer, message.parts))) for message in heard)
    asked = held.raw("input.value")
    answer = _answer(held, enough=bool(said))
    told = messages_of(value_of(asked)) if (heard_gaps and not lost) or not heard else ()
    if len(told) > len(heard):
        heard, heard_gaps = told, False
    if heard_gaps:
        found.missing["messages"] = held.absent()
    if said_gaps:
        found.missing["output"] = held.absent()
    if is_redacted(asked):
        found.missing.setdefault("messages", build.REDACTED)
    if is_redacted(held.raw("output.value")):
        found.missing.setdefault("output", build.REDACTED)
    parameters = object_of(held.value("llm.invocation_parameters"))
    return build.model(
        found,
        name=held.text("llm.response.model_name", "llm.model_name", "llm.request.model_name")
        or answer.model
        or first_text(parameters, "model", "model_name"),
        heard=spoken_through(with_answers(heard, asked)) or _prompts(held),
        said=said or prompts_under(held.under("llm.choices."), "completion.text", "assistant") or answer.messages,
        usage=_usage(held, answer),
        offered=_offered(held, parameters),
        finish=held.text("llm.finish_reason") or answer.finish,
        response_id=held.text("llm.response.id") or answer.response_id,
    )


def _prompts(held: Held) -> tuple[Message, ...]:
    """What a completions API was given: flattened, or a list of texts."""
    listed = [text for item in list_of(held.raw("llm.prompts")) if (text := text_of(item))]
    texts = prompts_under(held.under("llm.prompts."), "prompt.text", "user")
    return texts or tuple(text_message("user", text) for text in listed)


def _answer(held: Held, *, enough: bool) -> Answer:
    """What the provider's or framework's own JSON says; it is read in full only where the attributes lack a thing.

    Args:
        held: The attributes.
        enough: What the model said is known.
    """
    written = held.raw("output.value")
    if is_redacted(written):
        return Answer()
    if (
        enough
        and isinstance(written, str)
        and not any(held.raw(name) is None and word in written for name, word in _ALSO_IN_ANSWERS.items())
    ):
        return Answer(response_id=id_in(written))
    return answer_of(value_of(written))


def _usage(held: Held, answer: Answer) -> Usage | None:
    prefix = "llm.token_count."
    more = answer.usage or Usage()
    read, written = held.count(prefix + "prompt"), held.count(prefix + "completion")
    cost = held.amount("llm.cost.total")
    if read is None and written is None:
        return answer.usage
    details = prefix + "prompt_details."
    cached = _or(held.count(details + "cache_read", details + "cache_input"), more.cached_tokens)
    cache_written = _or(held.count(details + "cache_write"), more.cache_write_tokens)
    return usage_or_none(
        read=_whole(read, (cached or 0) + (cache_written or 0), more),
        written=written,
        cached=cached,
        cache_written=cache_written,
        reasoning=_or(held.count(prefix + "completion_details.reasoning"), more.reasoning_tokens),
        cost_usd=cost,
    )


def _whole(read: int | None, of_cache: int, more: Usage) -> int | None:
    """The input with what came from and went to a cache: earlier instrumentations of Anthropic's API leave it out."""
    if read is None or not of_cache:
        return read
    apart = of_cache > read or more.input_tokens == read + of_cache
    return read + of_cache if apart else read


def _or(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _offered(held: Held, parameters: Mapping[str, Any]) -> tuple[OfferedTool, ...]:
    tools: list[OfferedTool] = []
    for _, fields in by_index(held.under("llm.tools.")):
        schema = fields.get("tool.json_schema")
        name = text_of(fields.get("tool.name"))
        known = offered_of(f"[{schema}]" if isinstance(schema, str) else [schema])
        if name is not None:
            whole = known[0] if known else OfferedTool(name=name, parameters=value_of(schema))
            description = text_of(fields.get("tool.description")) or whole.description
            tools.append(OfferedTool(name=name, description=description, parameters=whole.parameters))
        else:
            tools += known
    return tuple(tools) or offered_of(parameters.get("tools"))


# --- tools


def _tool(found: Found) -> Reading:
    held, span = found.held, found.span
    name = held.text("tool.name")
    handoff = _HANDOFF.match(span.name)
    if name is None and handoff is not None:
        return found.reading("tool", content=Handoff(target=handoff[1]))
    parameters = held.value("tool.parameters")
    schema = parameters if is_schema(object_of(parameters)) else None
    return build.tool(
        found,
        name=name or _named_by(span),
        arguments=_arguments(held, None if schema is not None else parameters),
        result=_result(found),
        call_id=held.text("tool.id", "tool_call.id") or _id_in(held),
        schema=schema or held.value("tool.json_schema"),
    )


def _named_by(span: Span) -> str | None:
    name = span.name.removeprefix("execute_tool ").strip()
    for ending in (".run", ".arun", ".call", ".acall", ".__call__"):
        name = name.removesuffix(ending)
    return name or None


def _arguments(held: Held, parameters: object) -> object:
    """`input.value`, else what `tool.parameters` gives: as arguments where the input names none of them."""
    written = held.raw("input.value")
    given = object_of(parsed(parameters).value)
    if written is None or (given and not is_object(parsed(written).value)):
        return given or written
    if given and "cancellation_token" in object_of(parsed(written).value):
        return given
    return written


def _id_in(held: Held) -> str | None:
    """The call's id where the input is the model's whole request."""
    asked = object_of(parsed(held.raw("input.value")).value)
    if asked.get("type") == "tool_call":
        return first_text(asked, "id")
    return first_text(asked, "call_id") if "cancellation_token" in asked else None


def _result(found: Found) -> object:
    """`output.value`; what the function gave of Google's function responses and of the outputs of a LangChain run."""
    held = found.held
    written = held.raw("output.value")
    members = object_of(value_of(written))
    if members.keys() == {"output"} and found.span.scope.get("name") == _LANGCHAIN:
        return members["output"]
    if members.keys() >= {"name", "response"} and members.keys() <= {"id", "name", "response", "scheduling", "parts"}:
        return members["response"]
    if written is not None and held.raw("output.mime_type") == "application/json":
        return build.decoded(written)
    return written


# --- agents


def _agent(found: Found) -> Reading:
    held, span = found.held, found.span
    metadata = object_of(held.value("metadata"))
    if is_node(span.name, metadata.get("langgraph_node")):
        return found.plumbing()
    asked, answered = held.raw("input.value"), held.raw("output.value")
    name = held.text("agent.name", "graph.node.name", "graph.node.id")
    if name is None and asked is None and answered is None and not span.dropped_attributes:
        return found.plumbing()  # a workflow around the agents that says nothing of its own
    task = build.members_of(answered)
    if "raw" in task and "description" in task:
        return _task(found, name, task)
    prefix = "llm.token_count."
    return build.agent(
        found,
        name=name or _bare(span.name),
        heard=heard_of(asked),
        said=said_of(answered),
        usage=usage_or_none(read=held.count(prefix + "prompt"), written=held.count(prefix + "completion")),
    )


def _bare(name: str) -> str:
    of_adk = _AGENT_RUN.match(name)
    if of_adk is not None:
        return of_adk[1]
    for method in _METHODS:
        name = name.removesuffix(method)
    return name


def _task(found: Found, name: str | None, task: Mapping[str, Any]) -> Reading:
    """A task of CrewAI: its output says what the task was."""
    told = first_text(task, "description")
    said = first_text(task, "raw")
    return build.agent(
        found,
        name=name or first_text(task, "agent") or _bare(found.span.name),
        heard=_one("user", told),
        said=_one("assistant", said),
    )


def _one(role: str, text: str | None) -> tuple[Message, ...]:
    return (text_message("user" if role == "user" else "assistant", text),) if text else ()


def _chain(found: Found, children: Sequence[Span]) -> Reading:
    """Plumbing; but a crew, a team of AutoGen's, LlamaIndex's and LangChain's agents beneath another one are agents."""
    held, span = found.held, found.span
    if span.scope.get("name") == _LLAMA and span.name.endswith(("Agent.run", "AgentWorkflow.run")):
        return build.agent(found, name=_at_work(children) or _bare(span.name))
    if "crew_tasks" in span.attributes:
        return _crew(found)
    metadata = object_of(held.value("metadata"))
    if is_agent(span.name, metadata) or "participant_names" in span.attributes:
        asked, answered = held.raw("input.value"), held.raw("output.value")
        return build.agent(found, name=_bare(span.name), heard=heard_of(asked), said=said_of(answered))
    return found.plumbing()


def _at_work(steps: Sequence[Span]) -> str | None:
    """The name of the agent whose steps these are, out of the event that each was given; None for several."""
    told = [text_of(step.attributes.get("input.value")) or "" for step in steps]
    names = {found[1] for text in told if (found := _AT_WORK.search(text, max(0, len(text) - _LONGEST_END)))}
    return names.pop() if len(names) == 1 else None


_LONGEST_END = 300


def _crew(found: Found) -> Reading:
    held = found.held
    tasks = [object_of(task) for task in list_of(held.value("crew_tasks"))]
    output = build.members_of(held.raw("output.value"))
    told = next((text for task in tasks if (text := first_text(task, "description"))), None)
    return build.agent(
        found,
        name=_MINTED.sub("", _bare(found.span.name)),
        heard=_one("user", told),
        said=_one("assistant", first_text(output, "raw")),
        usage=usage_of(object_of(output.get("token_usage"))),
    )
