"""Names of attributes and keys: which of them are denied, allowed, protected, or hold no content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, cast

from agenteval.telemetry.redact.engine import compiled

_CACHED: Final = 4096
_LONGEST: Final = 500  # characters of a name that are looked at, counted from its end

PROTECTED: Final = (
    "*.model", "*.model_name", "*.model.name", "*model_id", "*tool.name", "*tool_name", "*toolcall.name",
    "*.function.name", "*call.id", "*call_id", "*toolcall.id", "*response.id", "*trace_id", "*span_id",
    "gen_ai.operation.name", "openinference.span.kind", "*token_count*", "*tokens", "*tokenusage", "*.usage.*",
)  # fmt: skip
"""Names and ids by which traces are read: no rule for personal data or names looks at them, only those for secrets."""

WITHOUT_CONTENT: Final = (
    *PROTECTED,
    "gen_ai.system", "gen_ai.provider.name", "gen_ai.conversation.id", "gen_ai.output.type", "gen_ai.tool.type",
    "gen_ai.agent.id", "gen_ai.agent.name", "gen_ai.agent.version", "gen_ai.workflow.name", "gen_ai.transfer.*",
    "gen_ai.caller.*", "gen_ai.request.*", "gen_ai.response.*", "gen_ai.evaluation.name", "gen_ai.evaluation.score.*",
    "session.id", "user.id", "*.session.id", "*.session_id", "*.thread_id", "*.user_id", "*.user.id",
    "llm.provider", "llm.system", "*.message.role", "*.role", "*finish_reason*", "graph.node.*", "agent.name",
    "*.span.kind", "*.span_kind", "*span.type", "*spantype", "*.observation.type", "*.observation.level",
    "ai.operationid",
    "ai.model.*", "ai.settings.*", "ai.telemetry.functionid", "*.entity.name", "*.entity.path", "*.entity.version",
    "traceloop.workflow.name", "traceloop.association.properties.*", "operation.name", "resource.name",
    "error.type", "exception.type", "exception.escaped", "event.name", "event.kind", "otel.*", "code.*", "thread.*",
    "http.method", "http.request.method", "http.response.status_code", "http.status_code", "server.*", "network.*",
    "service.*", "telemetry.*", "mcp.method.name", "mcp.protocol.version", "jsonrpc.*", "rpc.*", "*.version",
    "logfire.span_type", "logfire.level_num", "*.tool.status", "*.mime_type", "agenteval.*",
)  # fmt: skip
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
