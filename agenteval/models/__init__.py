"""Language models: over HTTP, from a script, from a recording; and what they cost. httpx is loaded when first used."""

from __future__ import annotations

from agenteval.models.chat_completions import ChatCompletions
from agenteval.models.price import Prices, cost_of
from agenteval.models.recorded import RecordedModel
from agenteval.models.refs import from_ref
from agenteval.models.retry import Backoff
from agenteval.models.scripted import ScriptedModel

__all__ = [
    "Backoff",
    "ChatCompletions",
    "Prices",
    "RecordedModel",
    "ScriptedModel",
    "cost_of",
    "from_ref",
]
