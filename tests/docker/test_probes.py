"""The probes of the image and of the manifests, asked of a receiver that runs with the image's own environment."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agenteval.intake.serving import ServeSettings, host_and_port, new_key
from agenteval.intake.settings import FILE

HTTP_PORT = host_and_port(ServeSettings().http)[1]


@pytest.fixture
def receiver(dockerfile: Any, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A receiver as the image starts it, but for places of this machine; and where it is."""
    _, key = new_key("shop", ["ingest"])
    (tmp_path / FILE).write_text(f'[[serve.keys]]\nproject = "shop"\nhash = "{key.hash}"\n', encoding="utf-8")
    image = {name: value for name, value in dockerfile.env.items() if name != "PATH"}
    places = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--store", str(tmp_path / "store.db")]
    process = subprocess.Popen(
        [sys.executable, "-m", *json.loads(dockerfile.one("ENTRYPOINT")), *json.loads(dockerfile.one("CMD")), *places],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **image},
    )
    found = None
    while found is None:
        line = process.stdout.readline()
        assert line, "it ended before it said where it is"
        found = re.search(r"OTLP over HTTP +(\S+)", line)
    yield process, found[1]
    process.kill()
    process.wait()
    process.stdout.close()


def health_check(dockerfile: Any, at: str) -> int:
    """Exit code of the image's health check, asked of another port than the image's."""
    command = json.loads(dockerfile.one("HEALTHCHECK").partition("CMD ")[2])
    asked = [word.replace(f"http://127.0.0.1:{HTTP_PORT}", at) for word in command]
    assert asked != command
    return subprocess.run([sys.executable, *asked[1:]], check=False, stderr=subprocess.DEVNULL).returncode


def test_probes_need_no_key_and_say_yes_until_the_receiver_ends(
    dockerfile: Any, container: dict[str, Any], receiver: tuple[subprocess.Popen[str], str]
):
    process, at = receiver
    paths = {name: probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert {path: httpx.get(at + path).status_code for path in paths.values()} == dict.fromkeys(paths.values(), 200)
    assert httpx.get(f"{at}/elsewhere").status_code == 404  # so that 200 means something
    assert health_check(dockerfile, at) == 0
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert health_check(dockerfile, at) != 0
