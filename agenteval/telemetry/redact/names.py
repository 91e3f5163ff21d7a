"""Names of attributes and keys: which of them are denied, allowed, protected, or hold no content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, cast

from agenteval.telemetry.redact.engine import compiled

_CACHED: Final = 4096
_LONGEST: Final = 500  # characters of a name that are looked at, counted from its end


def _last(*names: str) -> tuple[str, ...]:
    """Globs of these names, alone and as the last part of a longer one."""
    return tuple(glob for name in names for glob in (name, f"*.{name}"))


_OURS: Final = (
    *("agent", "attempt", "cost.usd", "dialects", "end.reason", "fault", "faults", "finding.*", "check.*", "handoff"),
    *("import.file", "import.position", "import.sha256", "measure.*", "no_step", "not_recorded", "redacted", "repeat"),
    *("run.*", "sandbox.bytes", "sandbox.exit_code", "sandbox.isolation", "sandbox.operation", "sandbox.out_of_memory"),
    *("sandbox.seconds", "sandbox.stderr_bytes", "sandbox.stdout_bytes", "sandbox.timed_out", "scenario", "seed"),
    *("scenario.hash", "service", "source", "spans.*", "state.end", "state.start", "tenant", "time.synthetic"),
    *("tool.requestor", "tools.offered", "trajectory.id", "trial.status", "user", "version"),
)
"""Attributes of ours that hold no content; the others hold commands, changes of states, or a whole imported record."""

PROTECTED: Final = (
    *_last("model", "model_name", "model.name", "model_id", "final_model", "tool.name", "tool_name", "toolcall.name"),
    *_last(
        "function.name",
        "function_call.name",
        "tool_calls.*.name",
        "tool_calls.*.id",
        "tool_use_id",
        "toolcall.id",
        "call.id",
        "call_id",
    ),
    *_last("tool_call_id", "response.id", "trace_id", "span_id", "tokenusage"),
    *("gen_ai.operation.name", "openinference.span.kind", "*token_count*", "*tokens", "*.usage.*"),
)
"""Names and ids by which traces are read: no rule for personal data or names looks at them, only those for secrets."""

WITHOUT_CONTENT: Final = (
    *PROTECTED,
    *_last("session.id", "session_id", "thread_id", "user.id", "user_id", "enduser.id", "prompt.id", "message.uuid"),
    *_last(
        "invocation_id", "event_id", "cycle_id", "parent_cycle_id", "agent_id", "agent.id", "agent_name", "agent.name"
    ),
    *_last(
        "agent_type",
        "subagent_type",
        "agent.version",
        "managed_agents.*.name",
        "functions.*.name",
        "mcp_tool.name",
        "mcp_server.name",
        "server.name",
        "version",
    ),
    *_last("provider", "provider.name", "system", "role", "message.name", "message_content.type", "mime_type"),
    *_last("span.kind", "span_kind", "span.type", "spantype", "observation.type", "observation.level", "tool.type"),
    *_last("tool.status", "tool_source", "request.type", "api.type", "api_type", "service_tier", "system_fingerprint"),
    *_last("stop_reason", "decision", "success", "query_source", "effort", "speed", "output.type", "error_class"),
    *_last("error.type", "error_type", "exception.type", "exception.escaped", "event.name", "event.kind"),
    *_last("timestamp", "start_time", "end_time", "duration_ms", "cost_usd", "cost_details", "usage_details"),
    *_last("entity.name", "entity.path", "entity.version", "workflow.name", "conversation.id", "http.route"),
    *(
        "*finish_reason*",
        "*_size_bytes",
        "gen_ai.transfer.*",
        "gen_ai.caller.*",
        "gen_ai.request.*",
        "gen_ai.response.*",
    ),
    *("gen_ai.evaluation.name", "gen_ai.evaluation.score.*", "graph.node.*", "ai.operationid", "ai.model.*"),
    *("ai.settings.*", "ai.telemetry.functionid", "traceloop.association.properties.*", "operation.name"),
    *("resource.name", "otel.*", "code.*", "thread.*", "http.method", "http.request.method", "http.status_code"),
    *("http.response.status_code", "server.*", "network.*", "service.*", "telemetry.*", "mcp.method.name"),
    *("jsonrpc.*", "rpc.*", "logfire.span_type", "logfire.level_num"),
    *(f"agenteval.{name}" for name in _OURS),
)
"""Names whose values say what happened, not what was said: all that is left where content is off."""


def glob_pattern(glob: str) -> str:
    """A glob as a regular expression, for RE2 and Python alike: `*` is any text; `_`, `-` and nothing are the same."""
    parts = {"*": ".*", "?": ".", "_": "[_-]?", "-": "[_-]?"}
    return "".join(parts.get(character) or re.escape(character) for character in glob.lower())


def last_parts(globs: Iterable[str]) -> tuple[str, ...]:
    """What keys inside texts are compared with: the last part of the globs that hold under any attribute."""
    parts = (glob.rpartition(".") for glob in globs)
    return tuple(dict.fromkeys(last for head, _, last in parts if head in ("", "*") and last.strip("*?_-")))


_OF_SCHEMAS: Final = frozenset(
    {"$ref", "additionalProperties", "allOf", "anyOf", "description", "format", "items", "maxLength", "minLength"}
    | {"nullable", "oneOf", "pattern", "properties", "required", "title", "type"}
)


def is_schema(value: object) -> bool:
    """Whether it says in JSON Schema of what form a secret must be, as a tool's parameters do: that is no secret."""
    if not isinstance(value, Mapping):
        return False
    keys = set(cast("Mapping[str, object]", value))
    return bool(keys & {"$ref", "anyOf", "oneOf", "allOf", "type"}) and keys <= _OF_SCHEMAS


class Names:
    """Globs in; whether a name is one of theirs out."""

    def __init__(self, globs: Iterable[str]) -> None:
        """Compile them as one."""
        patterns = [glob_pattern(glob) for glob in globs]
        self._pattern = compiled(f"(?s)(?:{'|'.join(patterns)})", "globs of names") if patterns else None
        self.match = lru_cache(_CACHED)(self._match)

    def _match(self, name: str) -> bool:
        if self._pattern is None:
            return False
        return self._pattern.fullmatch(name[-_LONGEST:].lower().encode(errors="replace")) is not None
