"""What a model is asked and what it answers, whichever API carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agenteval.core.json import Json
from agenteval.core.message import Message
from agenteval.core.trajectory import OfferedTool, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request to a model.

    Attributes:
        schema: JSON Schema that the answer must follow; None for free text.
        logprobs: How many top alternatives to return for each token; None for none.
        temperature: None leaves it to the endpoint.
        seed: None leaves it to the endpoint.
        extra: Fields of the endpoint's own, passed through as they are.
    """

    messages: tuple[Message, ...]
    tools: tuple[OfferedTool, ...] = ()
    parallel_tool_calls: bool | None = None
    tool_choice: str | None = None
    schema: Json = None
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    logprobs: int | None = None
    extra: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """One token of the answer: natural log probability, and the alternatives with theirs."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A model's answer. `message` holds text, reasoning and tool requests in the order given."""

    message: Message
    model: str
    usage: Usage = field(default_factory=lambda: Usage(unmeasured_calls=1))
    finish: str | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    response_id: str | None = None
