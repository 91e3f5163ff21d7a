"""What a user asked for in, a plan that can be carried out; whatever cannot be is refused before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agenteval._util.ids import new_run_id
from agenteval._util.loading import CodeLoader
from agenteval._util.plain import plain
from agenteval.core.json import Json
from agenteval.core.outcome import Run
from agenteval.core.ports import Model
from agenteval.core.scenario import Suite
from agenteval.errors import RequestError
from agenteval.experiment import sandboxes
from agenteval.experiment.agents import CHAT_SETTINGS, resolve_agents
from agenteval.experiment.proof import unknown_tools
from agenteval.experiment.run import AgentSpec, RunPlan
from agenteval.intake.suites import load_suite
from agenteval.intake.written import listing
from agenteval.models.price import Prices

MakeModel = Callable[[str, str | None], Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a user asked for, as values that a run's record can keep.

    Attributes:
        suite: A suite's name or path, a scenario's file, or `module:object`.
        agents: References, see `experiment.agents`.
        select: Scenario ids or globs; empty is all.
        price: Prices in US dollars per million tokens: `input`, `output`, …; None where unknown, empty for free.
        user_model: Speaks for users with a persona; `user_base_url` and `user_price` belong to it.
        temperature: What the agent `chat` asks its model for; None leaves it to the endpoint.
        max_tokens: The most that `chat` lets its model write in one answer; None leaves it to the endpoint.
        sandbox: Who makes the sandboxes of scenarios that need them, see `experiment.sandboxes`.
    """

    suite: str
    agents: tuple[str, ...]
    trials: int = 1
    seed: int = 0
    concurrency: int = 8
    retries: int = 2
    select: tuple[str, ...] = ()
    max_usd: float | None = None
    model: str | None = None
    base_url: str | None = None
    price: Mapping[str, float] | None = None
    user_model: str | None = None
    user_base_url: str | None = None
    user_price: Mapping[str, float] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    sandbox: str = sandboxes.DEFAULT

    def settings(self) -> dict[str, Json]:
        """As JSON, for the run's record. Holds no secret: keys come from the environment."""
        return plain(self)

    def chat_settings(self) -> dict[str, Any]:
        """The arguments of ChatAgent that were given."""
        return {name: getattr(self, name) for name in CHAT_SETTINGS if getattr(self, name) is not None}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> RunRequest:
        """The request that a run's record keeps."""
        known: dict[str, Any] = {key: settings[key] for key in cls.__slots__ if key in settings}
        for key in ("agents", "select"):
            known[key] = tuple(known[key])
        return cls(**known)


def plan_run(
    request: RunRequest, *, loader: CodeLoader, project: Path, make_model: MakeModel, resume: Run | None = None
) -> RunPlan:
    """The plan of a request.

    Args:
        request: What is asked for.
        loader: Loads code that references name.
        project: The folder that references are relative to.
        make_model: Makes the model of a reference and a base URL.
        resume: The run to go on with; None starts a new one.

    Raises:
        RequestError: Anything that cannot be carried out as asked.
    """
    check_counts(
        trials=request.trials, concurrency=request.concurrency, retries=request.retries, max_usd=request.max_usd
    )
    _check_base_url("--base-url", request.base_url)
    _check_base_url("--user-base-url", request.user_base_url)
    suite = load_suite(request.suite, loader, select=request.select)
    agents = resolve_agents(request.agents, suite, loader, project=project, chat=request.chat_settings())
    model = None if request.model is None else make_model(request.model, request.base_url)
    prices = None if request.price is None else _prices(request.price)
    user_model = None if request.user_model is None else make_model(request.user_model, request.user_base_url)
    user_prices = None if request.user_price is None else _prices(request.user_price)
    _check_models(request, agents, model, prices)
    check_users(suite, user_model, user_prices, max_usd=request.max_usd)
    refuse_unknown_tools(suite, agents)
    run = resume or new_run(suite, agents, request.settings())
    if resume is not None and resume.suite_hash != suite.hash:
        raise RequestError(
            f"run {resume.id} cannot go on: the suite {suite.id} has changed since it began. "
            "Bring the suite back as it was, or start a new run."
        )
    return RunPlan(
        run=run,
        suite=suite,
        agents=agents,
        trials=request.trials,
        seed=request.seed,
        concurrency=request.concurrency,
        retries=request.retries,
        max_usd=request.max_usd,
        model=model,
        prices=prices,
        user_model=user_model,
        user_prices=user_prices,
        sandbox=sandboxes.provider_of(request.sandbox, loader, project=project),
    )


def check_users(suite: Suite, model: Model | None, prices: Prices | None, *, max_usd: float | None) -> None:
    """Raise RequestError where a scenario's user needs a model and there is none, or none of a known price."""
    needing = next((s.id for s in suite.scenarios if s.user is not None and s.user.with_model is not None), None)
    if needing is None:
        return
    if model is None:
        raise RequestError(
            f"the user of {needing} has a persona, and needs a model to speak for it: pass --user-model openai:NAME, "
            "and --user-base-url URL for an endpoint of your own (user_model= from Python)"
        )
    if max_usd is not None and prices is None:
        raise RequestError(
            "--max-usd needs to know what the user's model costs: "
            "pass --user-price input=USD,output=USD (per million tokens), or --user-price free"
        )


def _check_base_url(option: str, base_url: str | None) -> None:
    """What a run was asked is kept in its record, so that it must hold no credential."""
    parts = urlsplit(base_url or "")
    if parts.username or parts.password or parts.query:
        raise RequestError(
            f"{option} must hold no user, password or query: the run's record keeps it. "
            "Give the key by the environment variable OPENAI_API_KEY."
        )


def new_run(suite: Suite, agents: tuple[AgentSpec, ...], settings: Mapping[str, Json]) -> Run:
    """The record of a run that begins now, with what a score on its suite means and does not."""
    now = datetime.now(UTC)
    return Run(
        id=new_run_id(now),
        kind="execution",
        created_at=now.isoformat(timespec="seconds"),
        suite=suite.id,
        suite_hash=suite.hash,
        agents=tuple(spec.name for spec in agents),
        settings={**settings, "claims": list(suite.claims), "does_not_claim": list(suite.does_not_claim)},
    )


def check_counts(*, trials: int, concurrency: int, retries: int, max_usd: float | None) -> None:
    """Raise RequestError where a run could not be carried out with these figures."""
    for name, value, least in (("trials", trials, 1), ("concurrency", concurrency, 1), ("retries", retries, 0)):
        if value < least:
            raise RequestError(f"{name} is {value}; it must be {least} or more")
    if max_usd is not None and max_usd <= 0:
        raise RequestError(f"max-usd is {max_usd:g}; it must be above 0")


def _prices(given: Mapping[str, float]) -> Prices:
    return Prices.from_mapping(given) if given else Prices.free()


def _check_models(
    request: RunRequest, agents: tuple[AgentSpec, ...], model: Model | None, prices: Prices | None
) -> None:
    refuse_missing_model(agents, model)
    if request.max_usd is None:
        return
    if model is not None and prices is None:
        raise RequestError(
            f"--max-usd needs to know what {request.model} costs: "
            "pass --price input=USD,output=USD (per million tokens), or --price free"
        )
    unknown = [spec.name for spec in agents if getattr(spec.agent, "own_models", model is None)]
    if unknown:
        raise RequestError(
            f'--max-usd cannot bound agent "{unknown[0]}": it may call models of its own, whose prices are unknown'
        )


def refuse_missing_model(agents: tuple[AgentSpec, ...], model: Model | None) -> None:
    """Raise RequestError where an agent speaks to the run's model, and there is none."""
    needs_model = [spec.name for spec in agents if getattr(spec.agent, "needs_model", False)]
    if needs_model and model is None:
        raise RequestError(
            f'agent "{needs_model[0]}" needs a model: pass --model openai:NAME, '
            "and --base-url URL for an endpoint of your own; in Python model=ChatCompletions(...)"
        )


def refuse_unknown_tools(suite: Suite, agents: tuple[AgentSpec, ...]) -> None:
    """Raise ScenarioError where a check names a tool that the world does not offer: it would hold or fail for ever."""
    if not any(spec.uses_world for spec in agents):
        return
    problems = [problem for scenario in suite.scenarios for problem in unknown_tools(scenario)]
    if problems:
        raise listing(problems)
