"""A reference such as `openai:NAME` in, a model out: the edge where the environment is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agenteval._util.names import did_you_mean
from agenteval.errors import RequestError
from agenteval.models.chat_completions import ChatCompletions
from agenteval.models.endpoint import endpoint_of

OPENAI_BASE_URL = "https://api.openai.com/v1"

_HOST = "api.openai.com"
_KINDS = ("openai",)


def from_ref(
    ref: str,
    *,
    env: Mapping[str, str],
    base_url: str | None = None,
    key_env: str = "OPENAI_API_KEY",
    **settings: Any,
) -> ChatCompletions:
    """The model that a reference names.

    `openai:NAME` is a model behind any OpenAI-compatible endpoint: at `base_url`, else at OPENAI_BASE_URL of the
    environment, else at OpenAI. The key is optional everywhere but at OpenAI.

    Args:
        ref: `openai:NAME`.
        env: The environment, as `os.environ`.
        base_url: Where the API begins, as given on the command line.
        key_env: The environment variable that holds the API key.
        settings: Further arguments of ChatCompletions.

    Raises:
        RequestError: An unknown kind of reference, no name, a wrong base URL, or no key for OpenAI.
    """
    kind, _, name = ref.partition(":")
    if kind not in _KINDS:
        raise RequestError(f'unknown model "{ref}". {did_you_mean(kind, _KINDS)} Write openai:NAME.')
    if not name.strip():
        raise RequestError(f'model "{ref}" names none: write openai:NAME, such as openai:gpt-4o')
    where = base_url or env.get("OPENAI_BASE_URL") or OPENAI_BASE_URL
    api_key = env.get(key_env, "").strip() or None
    if endpoint_of(where).host == _HOST:
        if api_key is None:
            raise RequestError(f"{_HOST} needs an API key: set {key_env}, or give the base URL of another endpoint")
        # its newer models refuse the old name, and all take the new one
        settings = {"max_tokens_field": "max_completion_tokens", **settings}
    return ChatCompletions(name.strip(), base_url=where, api_key=api_key, **settings)
