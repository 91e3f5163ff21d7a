"""Where suites are looked for, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from agenteval.errors import NotFound
from agenteval.intake import catalogue as module
from agenteval.intake.catalogue import catalogue, code_loader, find_suite, shipped_root


def suite(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "suite.yaml").write_text(f"suite: {folder.name}\n")
    return folder


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An agenteval that is installed elsewhere, with nothing shipped yet."""
    folder = tmp_path / "site/agenteval"
    folder.mkdir(parents=True)
    monkeypatch.setattr(module, "_PACKAGE", folder)
    return folder


def test_the_wheel_comes_before_the_repository_and_a_strangers_folder_is_not_ours(package):
    assert shipped_root() is None
    assert catalogue() == []
    suite(package.parent / "scenarios/stranger")
    assert shipped_root() is None
    (package.parent / "pyproject.toml").write_text("")
    assert shipped_root() == package.parent / "scenarios"
    assert [name for name, _ in catalogue()] == ["stranger"]
    retail = suite(package / "_scenarios/retail")
    (package / "_scenarios/not-a-suite").mkdir()
    assert catalogue() == [("retail", retail)]


def test_a_named_path_comes_first_then_the_project_then_what_is_shipped(package, tmp_path):
    project = tmp_path / "project"
    shipped = suite(package / "_scenarios/retail")
    assert find_suite("retail", project) == shipped
    own = suite(project / "scenarios/retail")
    assert find_suite("retail", project) == own
    assert catalogue(project) == [("retail", own)]
    assert catalogue() == [("retail", shipped)]
    (project / "retail").mkdir()
    assert find_suite("retail", project) == own
    (project / "retail/suite.yaml").write_text("")
    assert find_suite("retail", project) == project / "retail"
    assert find_suite(str(shipped), project) == shipped


def test_a_name_that_is_nowhere_gets_the_nearest(package, tmp_path):
    suite(package / "_scenarios/retail")
    suite(tmp_path / "scenarios/banking")
    (tmp_path / "empty").mkdir()
    for name, message in {
        "retial": 'there is no suite "retial". Did you mean "retail"? A suite of yours is named by its folder.',
        "bankin": 'there is no suite "bankin". Did you mean "banking"? A suite of yours is named by its folder.',
        "xyz": 'there is no suite "xyz". Known: banking, retail. A suite of yours is named by its folder.',
        "empty": "the folder empty is no suite: it has no suite.yaml",
    }.items():
        with pytest.raises(NotFound) as caught:
            find_suite(name, tmp_path)
        assert str(caught.value) == message


def test_the_code_of_shipped_suites_may_run_and_no_other(package, tmp_path):
    retail = suite(package / "_scenarios/retail")
    loader = code_loader(tmp_path / "project")
    assert loader.allows(retail / "world.py")
    assert not loader.allows(tmp_path / "elsewhere.py")
    assert code_loader(tmp_path, allow_code=True).allows(Path("/elsewhere.py"))


def test_a_misspelt_folder_gets_the_suites_beside_it(package, tmp_path, monkeypatch):
    suite(package / "_scenarios/retail")
    suite(tmp_path / "till")
    suite(tmp_path / "ours/desk")
    (tmp_path / "tilt").mkdir()
    for name, said in (
        ("til", 'Did you mean "till"?'),
        ("./til", 'Did you mean "till"?'),
        ("ours/desc", 'Did you mean "ours/desk"?'),
        (str(tmp_path / "til"), f'Did you mean "{tmp_path.as_posix()}/till"?'),
        ("retial", 'Did you mean "retail"?'),
        ("bank", "Known: retail, till."),
    ):
        with pytest.raises(NotFound) as error:
            find_suite(name, tmp_path)
        assert said in str(error.value), name
