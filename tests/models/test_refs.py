"""References to models, and the environment that they are read with."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agenteval.core.message import text_message
from agenteval.core.model import ModelRequest
from agenteval.errors import RequestError
from agenteval.models import from_ref

REQUEST = ModelRequest(messages=(text_message("user", "Hi"),), max_tokens=7)
WHOLE = 'write it whole, such as "http://127.0.0.1:8080/v1"'


async def sent(server, reply, completion, ref="openai:m", **settings):
    server.replies = [reply(200, completion())]
    async with from_ref(ref, **settings) as model:
        await model.complete(REQUEST)
    return server.received[-1]


async def test_a_local_endpoint_needs_no_key(server, reply, completion):
    got = await sent(server, reply, completion, base_url=server.url, env={})
    assert "authorization" not in got.headers
    assert got.json == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 7}


async def test_key_and_base_url_come_from_the_environment(server, reply, completion):
    env = {"OPENAI_API_KEY": "sk-env\n", "OPENAI_BASE_URL": server.url}
    got = await sent(server, reply, completion, "openai:team/model:1", env=env)
    assert (got.headers["authorization"], got.json["model"]) == ("Bearer sk-env", "team/model:1")


async def test_the_command_line_comes_before_the_environment(server, reply, completion):
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OTHER_KEY": "sk-other", "OPENAI_API_KEY": "sk-env"}
    got = await sent(server, reply, completion, base_url=server.url, key_env="OTHER_KEY", env=env)
    assert got.headers["authorization"] == "Bearer sk-other"


def test_without_a_base_url_it_is_openai():
    model = from_ref("openai:gpt-x", env={"OPENAI_API_KEY": "sk-env"})
    assert (model.name, model.endpoint) == ("gpt-x", "https://api.openai.com/v1")
    assert "sk-env" not in repr(model)
    # OpenAI itself cannot be asked in a test
    assert model._max_tokens_field == "max_completion_tokens"
    given = from_ref("openai:gpt-x", env={"OPENAI_API_KEY": "sk-env"}, max_tokens_field="max_tokens")
    assert given._max_tokens_field == "max_tokens"


@pytest.mark.parametrize(
    ("ref", "settings", "said"),
    [
        (
            "openai:gpt-x",
            {},
            "api.openai.com needs an API key: set OPENAI_API_KEY, or give the base URL of another endpoint",
        ),
        (
            "openai:gpt-x",
            {"env": {"OPENAI_API_KEY": " "}, "key_env": "MY_KEY"},
            "api.openai.com needs an API key: set MY_KEY, or give the base URL of another endpoint",
        ),
        ("gpt-x", {}, 'unknown model "gpt-x". Known: openai. Write openai:NAME.'),
        ("openia:gpt-x", {}, 'unknown model "openia:gpt-x". Did you mean "openai"? Write openai:NAME.'),
        ("openai: ", {}, 'model "openai: " names none: write openai:NAME, such as openai:gpt-4o'),
        (
            "openai:m",
            {"base_url": "localhost:8080"},
            'base URL "localhost:8080" is not an http or https address: ' + WHOLE,
        ),
    ],
)
def test_a_wrong_reference_is_named(ref, settings, said):
    with pytest.raises(RequestError) as caught:
        from_ref(ref, **{"env": {}, **settings})
    assert str(caught.value) == said


def test_settings_reach_the_client_and_misspelt_ones_do_not_pass():
    with pytest.raises(RequestError, match="max_retries is -1"):
        from_ref("openai:m", base_url="http://127.0.0.1:1", env={}, max_retries=-1)
    with pytest.raises(TypeError, match="max_retrys"):
        from_ref("openai:m", base_url="http://127.0.0.1:1", env={}, max_retrys=1)


def test_importing_models_loads_no_http_library():
    heavy = ["httpx", "httpcore", "anyio", "sqlalchemy", "opentelemetry", "langgraph", "numpy", "networkx"]
    code = f"""
import sys
import agenteval.models as models
model = models.ChatCompletions("m", base_url="http://127.0.0.1:1/v1")
print([name for name in {heavy} if name in sys.modules])
print(models.__all__ == sorted(models.__all__), all(hasattr(models, name) for name in models.__all__))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True True"]
