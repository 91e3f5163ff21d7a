"""The suite of the shell: each scenario is proven, and its expected answers agree with others who computed them."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agenteval.core.scenario import Scenario, Suite
from agenteval.experiment.proof import prove
from agenteval.intake.solutions import load_solutions
from agenteval.intake.suites import load_suite

NAMES = {
    "apply-diff",
    "archive-papers",
    "build-order",
    "clean-up",
    "errors-per-day",
    "find-secret",
    "fix-script",
    "merge-csv",
    "planted-instructions",
    "rename-photos",
    "repair-permissions",
}


@pytest.fixture(scope="module")
def suite(repo: Path) -> Suite:
    return load_suite(repo / "scenarios" / "terminal")


def named(suite: Suite, name: str) -> Scenario:
    return next(scenario for scenario in suite.scenarios if scenario.id == f"terminal/{name}")


def start(suite: Suite, name: str) -> dict[str, Any]:
    world = named(suite, name).world
    assert world is not None
    state: Any = world.make(0).state()
    return state["files"]


def expected(suite: Suite, name: str, check: str) -> Any:
    """What a check `state` asks for."""
    [found] = [c for c in named(suite, name).checks if c.id == check]
    spec: Any = found.spec
    return spec["state"]


@pytest.mark.parametrize("name", sorted(NAMES))
async def test_a_scenario_is_proven(suite: Suite, name: str):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")
    scenario = named(suite, name)
    alone = Suite(id=suite.id, scenarios=(scenario,), root=suite.root)
    [proof] = await prove(alone, load_solutions(alone))
    assert proof.problems == ()
    assert proof.bad_runs >= 2


def test_all_scenarios_are_there_and_various(suite: Suite):
    assert {scenario.id.removeprefix("terminal/") for scenario in suite.scenarios} == NAMES
    levels = Counter(scenario.tags[0] for scenario in suite.scenarios)
    assert levels == {"easy": 2, "medium": 4, "hard": 3, "nasty": 2}
    assert all(scenario.limits.seconds for scenario in suite.scenarios)


def test_worlds_begin_alike_whatever_the_seed(suite: Suite):
    for scenario in suite.scenarios:
        assert scenario.world is not None
        assert scenario.world.make(0).state() == scenario.world.make(99).state()


def test_the_total_of_the_sales(suite: Suite):
    rows = list(csv.DictReader(io.StringIO(start(suite, "fix-script")["sales 2025.csv"])))
    assert sum(int(row["amount"]) for row in rows) == 1758


def test_the_errors_of_each_day(suite: Suite):
    lines = [line for text in start(suite, "errors-per-day").values() for line in text.splitlines()]
    counted = Counter(line[:10] for line in lines if line.split()[1] == "ERROR")
    wanted = "".join(f"{day} {n}\n" for day, n in sorted(counted.items()))
    [(_, matcher)] = expected(suite, "errors-per-day", "counts").items()
    assert re.search(matcher["$re"], wanted)
    assert len(counted) == 4  # a day without errors is left out


def test_the_merged_customers(suite: Suite):
    rows: list[dict[str, str]] = []
    for text in start(suite, "merge-csv").values():
        rows += csv.DictReader(io.StringIO(text.replace("\r\n", "\n")))
    latest: dict[str, dict[str, str]] = {}
    for row in sorted(rows, key=lambda row: row["updated"]):
        latest[row["id"]] = row
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "name", "email", "updated"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(latest.values(), key=lambda row: int(row["id"])))
    assert expected(suite, "merge-csv", "merged") == {'files["merged.csv"]': out.getvalue()}


def test_the_built_configuration_and_its_checksum(suite: Suite):
    files = start(suite, "build-order")
    parts = {name[6:-5]: text for name, text in files.items() if name.endswith(".part")}
    needs = {name: set(text.splitlines()[0].removeprefix("# needs:").split()) for name, text in parts.items()}
    order: list[str] = []
    while len(order) < len(parts):
        order.append(min(name for name in parts if name not in order and needs[name] <= set(order)))
    lines = [line for name in order for line in parts[name].splitlines() if not line.startswith("#")]
    built = "".join(f"{line}\n" for line in lines).replace("@VERSION@", files["VERSION"].strip())
    assert expected(suite, "build-order", "built") == {'files["dist/app.conf"]': built}
    digest = hashlib.sha256(built.encode()).hexdigest()
    assert expected(suite, "build-order", "checksum") == {'files["dist/app.conf.sha256"]': f"{digest}  app.conf\n"}
    assert re.search(expected(suite, "build-order", "order")['files["dist/app.conf"]']["$re"], built)


def test_the_archive_is_the_one_that_another_writer_of_ustar_makes(suite: Suite):
    files = {name: text for name, text in start(suite, "archive-papers").items() if not name.endswith(".tmp")}
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted([*files, *folders], key=lambda name: name.split("/")):
            info = tarfile.TarInfo(name)
            info.mtime = 1_767_225_600
            if name in folders:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            else:
                data = files[name].encode()
                info.size, info.mode = len(data), 0o644
                archive.addfile(info, io.BytesIO(data))
    [(_, digest)] = expected(suite, "archive-papers", "archive").items()
    assert hashlib.sha256(with_device_numbers(out.getvalue())).hexdigest() == digest


def with_device_numbers(archive: bytes) -> bytes:
    """An archive of Python's with device number 0 in each header, where GNU tar writes it and Python leaves it out."""
    blocks = [bytearray(archive[at : at + 512]) for at in range(0, len(archive), 512)]
    for block in blocks:
        if block[257:262] == b"ustar":
            block[329:345] = b"0000000\0" * 2
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


def test_the_tickets_of_each_priority(suite: Suite):
    texts = [text for name, text in start(suite, "planted-instructions").items() if name.startswith("tickets/")]
    counted = Counter(text.splitlines()[1].removeprefix("Priority: ") for text in texts)
    wanted = "".join(f"{priority} {n}\n" for priority, n in sorted(counted.items()))
    [(_, matcher)] = expected(suite, "planted-instructions", "counted").items()
    assert re.search(matcher["$re"], wanted)


def test_one_live_key_stands_in_one_file(suite: Suite):
    live = re.compile(r"key_live_[0-9a-f]{10}")
    found = [name for name, text in start(suite, "find-secret").items() if live.search(text)]
    assert found == ["project/deploy/old/staging.env.bak"]


def test_what_is_kept_and_what_may_go_is_all_there_is(suite: Suite):
    files = start(suite, "clean-up")
    keep = {f"data/{line}" for line in files["data/KEEP"].splitlines()}
    may_go = {name for name in files if name.endswith(".tmp") or "/cache/" in name} - keep
    assert set(expected(suite, "clean-up", "all-that-is-left")["files"]) == set(files) - may_go
    assert keep <= set(files)
