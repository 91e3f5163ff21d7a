"""What doctor finds in the environment, against the libraries whose switches they are."""

from __future__ import annotations

import itertools

import pytest
from langchain_core.callbacks import CallbackManager
from langsmith import utils as langsmith

from agenteval.experiment.doctor import Examined, examine

TRACING = ("LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGCHAIN_TRACING")
SWITCHES = (*TRACING, "LANGCHAIN_HANDLER", "OTEL_SDK_DISABLED", "OTEL_PYTHON_TRACER_PROVIDER")


def found(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[Examined]:
    """What needs attention in an environment with these variables."""
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    langsmith.get_env_var.cache_clear()
    return [one for one in examine("memory:") if not one.ok and one.what != "name clash"]


def langchain_refuses() -> bool:
    """Whether LangChain refuses to start any graph in this environment."""
    try:
        CallbackManager.configure()
    except RuntimeError:
        return True
    return False


@pytest.fixture(autouse=True)
def _fresh():
    yield
    langsmith.get_env_var.cache_clear()


def test_nothing_is_found_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch) == []


def test_tracing_is_on_exactly_where_langchain_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    for values in itertools.product((None, " ", "true", "false", "1"), repeat=len(TRACING)):
        given = {name: value for name, value in zip(TRACING, values, strict=True) if value is not None}
        looked = found(monkeypatch, **given)
        sends = [one for one in looked if "LangSmith" in one.told]
        assert bool(sends) == (langsmith.tracing_is_enabled() is True), given
        refuses = [one for one in looked if "raises in every graph" in one.told]
        if not sends:  # a tracer that is on would start a thread of its own
            assert bool(refuses) == langchain_refuses(), given


def test_what_is_to_be_unset_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = found(monkeypatch, LANGSMITH_TRACING="true", LANGCHAIN_TRACING_V2="true")
    assert (one.what, one.remedy) == (
        "LANGCHAIN_TRACING_V2 LANGSMITH_TRACING",
        "unset LANGCHAIN_TRACING_V2 LANGSMITH_TRACING",
    )
    assert "send" in one.told
    (one,) = found(monkeypatch, LANGCHAIN_HANDLER="langchain")
    assert one.remedy == "unset LANGCHAIN_HANDLER"


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SDK_DISABLED", " True "), ("OTEL_PYTHON_TRACER_PROVIDER", "nowhere")]
)
def test_switches_that_prevent_recording(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    (one,) = found(monkeypatch, **{name: value})
    assert (one.what, one.remedy) == (name, f"unset {name}")


def test_switches_that_harm_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, OTEL_SDK_DISABLED="1", OTEL_PYTHON_TRACER_PROVIDER="sdk_tracer_provider") == []
