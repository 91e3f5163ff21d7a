"""One module a convention: a span in, what it says in the assembler's words out.

A dialect is a module with `NAME` and `read`, see `reading.Dialect`. The first one that knows a span reads it: the scope
of one producer comes before the conventions that several share.
"""

from __future__ import annotations

from agenteval.telemetry.dialects import (
    agent_framework,
    anthropic_sdk,
    autogen,
    claude_code,
    google_adk,
    langfuse,
    langsmith,
    litellm,
    logfire,
    mcp,
    mlflow,
    openinference,
    openllmetry,
    otel_genai,
    pydantic_ai,
    semantic_kernel,
    strands,
    vercel_ai,
)
from agenteval.telemetry.dialects.reading import Dialect

DIALECTS: tuple[Dialect, ...] = (
    claude_code,
    anthropic_sdk,
    google_adk,
    logfire,
    pydantic_ai,
    strands,
    agent_framework,
    semantic_kernel,
    vercel_ai,
    autogen,
    litellm,
    langfuse,
    langsmith,
    mlflow,
    openllmetry,
    mcp,
    otel_genai,
    openinference,
)
"""Every dialect, the most particular ones first."""
