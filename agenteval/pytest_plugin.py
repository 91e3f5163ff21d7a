"""agenteval in pytest: one fixture, `evaluate`; one marker, `agenteval`; and one more outcome, INVALID.

A test fails where the agent does not do what is required of it. Where something else broke (the world, the user, the
model's endpoint, agenteval itself), nothing is concluded of the agent: the test is INVALID. To pytest's own machinery
(`-x`, `--lf`, the exit code) it counts as failed, so that no run is green that holds one.

This module is imported whenever pytest starts: what is heavy is imported when an agent is evaluated.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from agenteval._util.ids import derived_seed
from agenteval._util.names import did_you_mean
from agenteval.errors import AgentEvalError, Inconclusive, InvalidTrials, RequestError, ResultError, StoreError

if TYPE_CHECKING:
    from agenteval.core.ports import Model, TraceStore
    from agenteval.core.scenario import Scenario, Suite
    from agenteval.experiment.api import RunResult
    from agenteval.models.price import Prices

MARKED = ("trials", "seed", "concurrency", "retries")
"""What the marker takes."""

INCONCLUSIVE = ("fail", "skip")
"""What an inconclusive requirement may make of a test."""

STORE_VARIABLE = "AGENTEVAL_STORE"
JUNIT_PROPERTY = "agenteval.outcome"

_DEFAULT_STORE = Path(".agenteval") / "store.db"
_SQLITE = "sqlite:///"
_INSTALLED = frozenset({"site-packages", "dist-packages"})


# --- settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line, the environment and the ini file say, read once.

    Attributes:
        trials: Repeats of each scenario where neither the call nor a marker says.
        seed: What each test's own seed follows from, together with the test's id.
        store: Where results are kept; None where nobody says, so that `agenteval.toml` does, or the default.
        project: The folder that names, paths and references start from: pytest's rootdir.
        folder: The one that pytest was started in.
        inconclusive: What an inconclusive requirement makes of a test.
        junit: Where pytest writes its JUnit XML; None where it writes none.
    """

    trials: int
    seed: int
    store: str | None
    project: Path
    folder: Path
    inconclusive: str
    junit: Path | None


OPTIONS: Mapping[str, tuple[str, str]] = {
    "trials": ("N", "repeats of each scenario, where a test does not say (default: 1)"),
    "seed": ("N", "what the seed of each test follows from, together with its id (default: 0)"),
    "store": ("URL", "where results are kept; also AGENTEVAL_STORE (default: .agenteval/store.db in the rootdir)"),
    "inconclusive": ("WHAT", "what a requirement makes of a test that too few trials tell of: fail (default) or skip"),
}
"""Name of a setting to what its value is called and what it says."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--agenteval-NAME`, and `agenteval_NAME` in the ini file."""
    group = parser.getgroup("agenteval", "agents, measured by agenteval")
    for name, (metavar, text) in OPTIONS.items():
        group.addoption(f"--agenteval-{name}", dest=f"agenteval_{name}", metavar=metavar, help=text)
        parser.addini(f"agenteval_{name}", text, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings, and make the marker known."""
    config.addinivalue_line(
        "markers", f"agenteval({', '.join(f'{name}=…' for name in MARKED)}): how `evaluate` runs the agents of a test"
    )
    config.stash[_SETTINGS] = _settings(config)
    config.stash[_STORES] = _Stores(config.stash[_SETTINGS])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the stores."""
    stores = config.stash.get(_STORES, None)
    if stores is not None:
        stores.close()


def _settings(config: pytest.Config) -> Settings:
    folder = config.invocation_params.dir
    typed = config.getoption("agenteval_store") or os.environ.get(STORE_VARIABLE)
    named = typed or config.getini("agenteval_store")
    inconclusive = _given(config, "inconclusive") or INCONCLUSIVE[0]
    if inconclusive not in INCONCLUSIVE:
        raise pytest.UsageError(f"agenteval: inconclusive is {inconclusive!r}; {' or '.join(INCONCLUSIVE)} is wanted")
    junit = config.getoption("xmlpath", None) if not hasattr(config, "workerinput") else None
    return Settings(
        trials=_whole(config, "trials", default=1, least=1),
        seed=_whole(config, "seed", default=0, least=0),
        store=_absolute(str(named), folder if typed else config.rootpath) if named else None,
        project=config.rootpath,
        folder=folder,
        inconclusive=inconclusive,
        junit=None if not junit else folder / os.path.expandvars(Path(junit).expanduser()),
    )


def _given(config: pytest.Config, name: str) -> str:
    """What the command line says, else the ini file; empty where neither does."""
    return str(config.getoption(f"agenteval_{name}") or config.getini(f"agenteval_{name}") or "").strip()


def _whole(config: pytest.Config, name: str, *, default: int, least: int) -> int:
    text = _given(config, name)
    if not text:
        return default
    if not text.isdecimal() or int(text) < least:
        raise pytest.UsageError(f"agenteval: {name} is {text!r}; a whole number of {least} or more is wanted")
    return int(text)


def _absolute(url: str, folder: Path) -> str:
    """The same store, named so that a test may change the working folder."""
    if url.startswith(_SQLITE):
        return f"{_SQLITE}{folder / url.removeprefix(_SQLITE)}"
    if "://" in url or url == "memory:":
        return url
    return str(folder / Path(url).expanduser())


def _relative(url: str, folder: Path) -> str:
    path = Path(url)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else url


class _Stores:
    """The stores of this process, each opened when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self.opened: dict[str, TraceStore] = {}
        self._settings = settings

    @cached_property
    def default(self) -> str:
        """The store of a call that names none. Raises RequestError where `agenteval.toml` is wrong."""
        if self._settings.store is not None:
            return self._settings.store
        from agenteval.intake.settings import load_settings

        project = self._settings.project
        return _absolute(load_settings(project).store or str(_DEFAULT_STORE), project)

    def option(self, store: TraceStore | None) -> str | None:
        """What follows a command that is to find this store, such as ` --store a.db`; None where no command can."""
        url = next((url for url, one in self.opened.items() if one is store), None)
        if url is None or url == "memory:":
            return None
        settings, environment = self._settings, os.environ.get(STORE_VARIABLE)
        found = _absolute(environment, settings.folder) if environment else None
        if found is None and settings.project == settings.folder and settings.store is None:
            found = self.default
        return "" if url == found else f" --store {shlex.quote(_relative(url, settings.folder))}"

    def open(self, url: str) -> TraceStore:
        if url not in self.opened:
            from agenteval.experiment.stores import open_store

            self.opened[url] = open_store(url)
        return self.opened[url]

    def close(self) -> None:
        for store in self.opened.values():
            store.close()
        self.opened.clear()


_SETTINGS = pytest.StashKey[Settings]()
_STORES = pytest.StashKey[_Stores]()
_RESULTS = pytest.StashKey["list[RunResult]"]()


# --- the fixture


class Evaluate:
    """What the fixture `evaluate` gives: runs an agent on scenarios, and keeps all of it in the project's store.

    Args:
        settings: The settings of this run of pytest.
        stores: Where the stores are opened.
        options: What the marker, and else the settings, say.
    """

    def __init__(self, settings: Settings, stores: _Stores, options: Mapping[str, int]) -> None:
        self.results: list[RunResult] = []
        self._settings = settings
        self._stores = stores
        self._options = options

    def __call__(
        self,
        agent: object | Mapping[str, object],
        what: Suite | Scenario | str | Path,
        *,
        trials: int | None = None,
        seed: int | None = None,
        concurrency: int | None = None,
        retries: int | None = None,
        model: Model | None = None,
        prices: Prices | None = None,
        user_model: Model | None = None,
        user_prices: Prices | None = None,
        max_usd: float | None = None,
        store: TraceStore | str | None = None,
    ) -> RunResult:
        """Run agents on a suite or a scenario, and give what it came to.

        Args:
            agent: The object, or its reference as on the command line, or several by name.
            what: A suite, a scenario, a shipped suite's name, or a path in the project.
            trials: Repeats of each scenario; None takes the marker's, else `--agenteval-trials`.
            seed: Seed of the run; None takes the marker's, else one that follows from the test's id.
            concurrency: Trials at work at once.
            retries: How often an invalid trial is tried again.
            model: What `session.model` is.
            prices: What the model costs.
            user_model: Speaks for the users of scenarios that give them a persona.
            user_prices: What that model costs.
            max_usd: Bound on the price of the run.
            store: Where results are kept; None takes the settings'.

        Raises:
            InvalidTrials: Something other than the agent broke; the test is INVALID.
            RequestError: Something that cannot be run.
        """
        __tracebackhide__ = True
        given = {
            "trials": trials,
            "seed": seed,
            "concurrency": concurrency,
            "retries": retries,
            "model": model,
            "prices": prices,
            "user_model": user_model,
            "user_prices": user_prices,
            "max_usd": max_usd,
        }
        options = {**self._options, **{name: value for name, value in given.items() if value is not None}}
        try:
            return self._run(agent, what, store, options)
        except (RequestError, ResultError) as error:
            raise error.with_traceback(None) from None  # the reader wrote the line above, and not those below
        except AgentEvalError as error:
            raise InvalidTrials(f"invalid: the run came to nothing (fault of: harness): {error}") from error

    def _run(self, agent: object, what: Any, store: TraceStore | str | None, options: Mapping[str, Any]) -> RunResult:
        from agenteval.experiment.api import run
        from agenteval.experiment.require import of_invalid

        result = run(what, agent, project=self._settings.project, store=self._store(store), **options)
        self.results.append(result)
        invalid = of_invalid(result.outcomes)
        if invalid is not None:
            raise invalid.error(result)
        return result

    def _store(self, asked: TraceStore | str | None) -> TraceStore:
        if asked is not None:
            return self._stores.open(_absolute(asked, self._settings.project)) if isinstance(asked, str) else asked
        url = self._stores.default
        try:
            return self._stores.open(url)
        except StoreError:
            if url != str(self._settings.project / _DEFAULT_STORE):
                raise
            return self._stores.open("memory:")  # a project that cannot be written to can still be tested


@pytest.fixture
def evaluate(request: pytest.FixtureRequest) -> Evaluate:
    """Runs an agent on scenarios: `evaluate(agent, "retail/refund-late", trials=24).require(0.75)`."""
    settings, item = request.config.stash[_SETTINGS], request.node
    options = {"trials": settings.trials, "seed": _seed(item, settings.seed), **_marked(item)}
    made = Evaluate(settings, request.config.stash[_STORES], options)
    item.stash[_RESULTS] = made.results
    return made


def _seed(item: pytest.Item, seed: int) -> int:
    """A seed that follows from the test's place and name; not from `nodeid`, to which other plugins add."""
    path, _, name = item.location
    return derived_seed(seed, Path(path).as_posix(), name)


def _marked(item: pytest.Item) -> dict[str, int]:
    """What the markers of a test say; the closest one wins."""
    found: dict[str, int] = {}
    for marker in item.iter_markers("agenteval"):
        for name, value in marker.kwargs.items():
            if name not in MARKED:
                pytest.fail(f'@pytest.mark.agenteval takes no "{name}". {did_you_mean(name, MARKED)}', pytrace=False)
            found.setdefault(name, value)
        if marker.args:
            pytest.fail(f"@pytest.mark.agenteval takes its values by name: {', '.join(MARKED)}", pytrace=False)
    return found


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Scenarios and suites among the parameters of a test are called by their ids."""
    del config, argname
    kind = type(val)
    named = kind.__module__ == "agenteval.core.scenario" and kind.__name__ in {"Scenario", "Suite"}
    return str(cast("Any", val).id) if named else None


# --- what a test came to


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a requirement in its own words, and mark what is INVALID, also where failing was expected (`xfail`)."""
    report = yield
    if call.excinfo is None:
        return report
    error = call.excinfo.value
    if isinstance(error, InvalidTrials):
        report.outcome = "failed"
        vars(report).pop("wasxfail", None)
        vars(report)["agenteval_invalid"] = True
        for properties in (item.user_properties, report.user_properties):  # of the test so far, and of this report
            properties.append((JUNIT_PROPERTY, "invalid"))
    if report.failed and isinstance(error, ResultError):
        _tell(report, item, call.excinfo, error)
    elif report.failed and _RESULTS in item.stash:
        _add_runs(report, item.stash[_RESULTS], item.config)
    return report


def _tell(
    report: pytest.TestReport, item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException], error: ResultError
) -> None:
    from agenteval.report.failure import document

    where = _where(excinfo, item)
    settings = item.config.stash[_SETTINGS]
    if isinstance(error, Inconclusive) and settings.inconclusive == "skip":
        path, line = (where[-1]["path"], where[-1]["line"]) if where else (item.location[0], item.location[1] or 0)
        report.outcome, report.longrepr = "skipped", (path, line, str(error))
        return
    told = {
        **document(error, command=_command(error.result, item.config)),
        "where": where,
        "brief": item.config.getoption("tbstyle", "auto") == "line",
    }
    vars(report)["agenteval"] = json.dumps(told, default=str)  # text survives the way between processes
    if not (item.config.getoption("fulltrace", False) or item.config.getoption("tbstyle", "auto") == "native"):
        report.longrepr = str(_Told(told))


def _where(excinfo: pytest.ExceptionInfo[BaseException], item: pytest.Item) -> list[dict[str, Any]]:
    """The lines of the user's own code that led there, outermost first."""
    ours, root = Path(__file__).parent, item.config.rootpath
    found: list[dict[str, Any]] = []
    for entry in excinfo.traceback.cut(path=item.path):
        path = Path(entry.path)
        if path.is_relative_to(ours) or not path.is_relative_to(root) or not _INSTALLED.isdisjoint(path.parts):
            continue
        source = str(entry.statement).strip().splitlines() or [""]
        shown = _relative(str(path), item.config.invocation_params.dir)
        found.append({"path": shown, "line": entry.lineno + 1, "source": source[0] + (" …" if source[1:] else "")})
    return found


def _command(result: object, config: pytest.Config) -> Callable[[str], str] | None:
    """How `agenteval` is asked about a run; None where it cannot read the store."""
    option = config.stash[_STORES].option(getattr(result, "store", None))
    if option is None:
        return None
    return lambda asked: f"agenteval {asked}{option}"


def _add_runs(report: pytest.TestReport, results: list[RunResult], config: pytest.Config) -> None:
    """Name the runs of a test that failed for a reason of its own, and how to look at them."""
    lines: list[str] = []
    for result in results:
        command = _command(result, config)
        passed = sum(score.passed is True for _, score in result.outcomes)
        looked = "" if command is None else f"    {command(f'report {result.run.id}')}"
        trials = "trial" if len(result.outcomes) == 1 else "trials"
        lines.append(f"{passed} of {len(result.outcomes)} {trials} passed{looked}")
    if lines:
        report.sections.append(("agenteval", "\n".join(lines)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Where the terminal is, give the report back what it tells, as wide and as coloured as the terminal is."""
    told = getattr(report, "agenteval", None)
    if told is not None and isinstance(report.longrepr, str):
        report.longrepr = cast("Any", _Told(json.loads(told)))


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """INVALID, its letter and its colour."""
    if getattr(report, "agenteval_invalid", False):
        return "invalid", "I", ("INVALID", {"yellow": True})
    return None


@dataclass(frozen=True, slots=True)
class _Crash:
    """What pytest asks of a failure for its short summary and for JUnit XML."""

    message: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class _Told:
    """What is told of a requirement that is not met; pytest asks it to draw itself."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told
        where = told["where"][-1:]
        self.reprcrash = _Crash(told["message"], "".join(f"{place['path']}:{place['line']}" for place in where))

    def toterminal(self, tw: Any) -> None:
        """Draw it on the terminal; nothing where `--tb=line` asks for one line, which pytest itself writes."""
        for line in () if self._told["brief"] else self._lines(width=tw.fullwidth, color=tw.hasmarkup):
            tw.line(line)

    def __str__(self) -> str:
        return "\n".join(self._lines(width=100, color=False))

    def _lines(self, *, width: int, color: bool) -> Iterator[str]:
        from agenteval.report.failure import render
        from agenteval.report.terminal import painter

        paint = painter(color=color)
        for place in self._told["where"]:
            where = f"{place['path']}:{place['line']}:"
            yield f"{paint(where, 'strong')} {place['source']}"
        yield ""
        yield from render(self._told, width=width, color=color)


# --- the end of a run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A section of its own for what is INVALID: whose fault it was, and what to do."""
    reports: list[pytest.TestReport] = terminalreporter.stats.get("invalid", [])
    if not reports:
        return
    terminalreporter.write_sep("=", "INVALID: nothing is concluded of these agents", yellow=True, bold=True)
    from agenteval.report.visible import clipped

    writer = config.get_terminal_writer()
    for report in reports if config.getoption("tbstyle") not in {"no", "line"} else ():
        terminalreporter.write_sep("_", report.head_line or report.nodeid, yellow=True, bold=True)
        report.toterminal(writer)
        _write_captured(report, writer, str(config.getoption("showcapture")))
    terminalreporter.write_sep("-", yellow=True)
    for report in reports:
        why = json.loads(vars(report)["agenteval"])["message"].removeprefix("invalid: ")
        terminalreporter.write_line(clipped(f"INVALID {report.nodeid} - {why}", writer.fullwidth), yellow=True)


def _write_captured(report: pytest.TestReport, writer: Any, shown: str) -> None:
    """What the test printed and logged, as pytest shows it of a failed one."""
    for name, content in report.sections:
        if shown == "all" or (shown != "no" and shown in name):
            writer.sep("-", name)
            writer.line(content.removesuffix("\n"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """In the JUnit XML that pytest has written by now, make what is INVALID an error and not a failure."""
    outcome = yield
    junit = session.config.stash[_SETTINGS].junit
    if junit is not None and junit.is_file():
        from agenteval.report.junit import mark_invalid

        mark_invalid(junit, JUNIT_PROPERTY)
    return outcome
