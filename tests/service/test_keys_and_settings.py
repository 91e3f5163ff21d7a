"""Who may send and read, what can be set and how, and what is refused before anything runs."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from agenteval.core.span import Span
from agenteval.errors import RequestError
from agenteval.intake.serving import (
    ServeKey,
    ServeSettings,
    hash_of,
    host_and_port,
    is_loopback,
    new_key,
    serve_settings,
)
from agenteval.service.keys import Keys
from agenteval.store.sql import SqlStore
from agenteval.telemetry.answers import LONGEST_WAIT, Refused
from agenteval.telemetry.otlp import PROTOBUF, encode_traces
from agenteval.testing.store_parts import to_the_letter

MakeSpans = Callable[..., list[Span]]
SENDS, SENDS_TOLD = new_key("shop", ["ingest"])
READS, READS_TOLD = new_key("shop", ["read"])
TOML = "".join(
    f'[[serve.keys]]\nproject = "{key.project}"\nhash = "{key.hash}"\nscopes = {json.dumps(key.scopes)}\n'
    for key in (SENDS_TOLD, READS_TOLD)
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, receiver_class: Any) -> Iterator[Any]:
    receiver = receiver_class(tmp_path_factory.mktemp("guarded") / "store.db", toml=TOML)
    yield receiver
    receiver.end()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {SENDS}"},
        {"authorization": f"bearer {SENDS}"},
        {"x_api_key": SENDS},
        {"authorization": "Basic " + b64encode(f"public:{SENDS}".encode()).decode()},
    ],
)
def test_a_key_is_taken_wherever_exporters_put_it(guarded: Any, make_spans: MakeSpans, headers: dict[str, str]) -> None:
    assert guarded.post(encode_traces(make_spans(1)), **headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x_api_key": "aek_unknown"}, 401),
        ({"authorization": "Basic ***"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"x_api_key": SENDS_TOLD.hash}, 401),
        ({"x_api_key": READS}, 403),
    ],
)
def test_without_a_key_that_may_nothing_is_taken(
    guarded: Any, make_spans: MakeSpans, headers: dict[str, str], status: int
) -> None:
    answer = guarded.post(encode_traces(make_spans(2)), **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROTOBUF
    assert (answer.headers.get("www-authenticate") == "Bearer") is (status == 401)
    assert guarded.stored(f"{2:032x}")[0] == []


def test_grpc_asks_for_keys_too(guarded: Any, make_spans: MakeSpans) -> None:
    with grpc.insecure_channel(guarded.grpc) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        body = encode_traces(make_spans(3))
        for metadata, code in (
            ((), grpc.StatusCode.UNAUTHENTICATED),
            ((("x-api-key", READS),), grpc.StatusCode.PERMISSION_DENIED),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                call(body, metadata=metadata)
            assert refused.value.code() is code
        assert call(body, metadata=(("authorization", f"Bearer {SENDS}"),)) == b""


def test_what_comes_with_a_key_belongs_to_its_project_and_is_kept_as_it_came(
    guarded: Any, make_spans: MakeSpans
) -> None:
    spans = make_spans(4)
    assert guarded.post(encode_traces(spans), x_api_key=SENDS).status_code == 200
    assert to_the_letter(guarded.stored(f"{4:032x}")[0]) == to_the_letter(spans)
    store = SqlStore(guarded.store_path)
    assert [seen.project for seen in store.seen([f"{4:032x}"])] == ["shop"]
    store.close()


def test_pages_are_for_those_who_may_read_and_probes_for_all(guarded: Any) -> None:
    for path in ("/", "/metrics", f"/api/traces/{1:032x}"):
        assert guarded.get(path).status_code == 401
        assert guarded.get(path, x_api_key=SENDS).status_code == 403
        assert guarded.get(path, x_api_key=READS).status_code == 200
    assert guarded.get("/healthz").status_code == guarded.get("/readyz").status_code == 200


def test_without_keys_a_name_that_another_site_gave_this_machine_reads_nothing(running: Any) -> None:
    for path in ("/", "/metrics", f"/api/traces/{1:032x}"):
        assert running.get(path).status_code == 200
        assert running.get(path, host="evil.example").status_code == 403
        assert running.get(path, host="evil.example:4328").status_code == 403
        assert running.get(path, host="localhost:4328").status_code == 200
        assert running.get(path, host="[::1]").status_code == 200


def test_the_snippet_that_is_printed_works(guarded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in guarded.told:
        found = re.match(r"  export (\w+)=(.*)", line)
        if found:
            monkeypatch.setenv(found[1], found[2].replace("YOUR_KEY", SENDS))
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    with provider.get_tracer("t").start_as_current_span("hello") as span:
        pass
    provider.shutdown()
    assert len(guarded.stored(f"{span.get_span_context().trace_id:032x}")[0]) == 1


def test_a_key_may_come_only_so_often() -> None:
    now = [0.0]
    key = ServeKey(project="p", hash=hash_of("k"), requests_per_second=2.0)
    keys = Keys([key], lambda: now[0])
    for _ in range(4):  # a burst of two seconds
        assert keys.admit({"x-api-key": "k"}, "ingest") == key
    with pytest.raises(Refused, match="more than 2 requests a second") as refused:
        keys.admit({"x-api-key": "k"}, "ingest")
    assert (refused.value.kind.http, refused.value.kind.grpc) == (429, "UNAVAILABLE")
    assert refused.value.wait <= LONGEST_WAIT
    now[0] = 0.5
    assert keys.admit({"x-api-key": "k"}, "ingest") == key


# --- settings


def test_options_come_before_the_environment_and_that_before_the_file() -> None:
    written = {"http": "127.0.0.1:1", "grpc": "127.0.0.1:2", "items": 3, "keys": [dict(SENDS_TOLD)]}
    environment = {"AGENTEVAL_SERVE_GRPC": "off", "AGENTEVAL_SERVE_ITEMS": "4", "AGENTEVAL_STORE": "x"}
    settings = serve_settings(written, environment, {"http": "[::1]:5"})
    assert (settings.http, settings.grpc, settings.items, settings.keys) == ("[::1]:5", "off", 4, (SENDS_TOLD,))
    assert serve_settings({}, {}, {}) == ServeSettings()


@pytest.mark.parametrize(
    ("written", "environment", "told"),
    [
        ({"htpp": "x"}, {}, 'serve: unknown setting "htpp". Did you mean "http"?'),
        ({}, {"AGENTEVAL_SERVE_ITEM": "4"}, 'serve: unknown setting "item". Did you mean "items"?'),
        ({}, {"AGENTEVAL_SERVE_ITEMS": "many"}, "serve: items: "),
        ({"body_bytes": 0}, {}, "serve: body_bytes: "),
        ({"keys": [{"project": "p", "hash": "secret"}]}, {}, "serve: keys.0.hash: "),
        ({"keys": [{"project": "p", "hash": hash_of("k"), "scope": ["read"]}]}, {}, 'Did you mean "scopes"?'),
        ({"http": "4328"}, {}, "'4328' is no address"),
        ({"http": "127.0.0.1:99999"}, {}, "is no address"),
        ({"http": "off", "grpc": "off"}, {}, "both off"),
        ({"http": "0.0.0.0:4328"}, {}, "serve.http: 0.0.0.0:4328 can be reached from other machines"),
        ({"grpc": "[::]:4327"}, {}, "agenteval serve --new-key PROJECT"),
        ({"grpc": "example.com:4327"}, {}, "can be reached from other machines"),
    ],
)
def test_what_is_wrong_is_refused_by_name(written: dict[str, Any], environment: dict[str, str], told: str) -> None:
    with pytest.raises(RequestError) as refused:
        serve_settings(written, environment, {})
    assert told in str(refused.value)


def test_with_keys_any_address_is_served() -> None:
    assert serve_settings({"http": "0.0.0.0:4328", "keys": [dict(SENDS_TOLD)]}, {}, {}).http == "0.0.0.0:4328"


def test_addresses() -> None:
    assert host_and_port("[::1]:80") == ("::1", 80)
    assert [is_loopback(host) for host in ("127.0.0.9", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "a.b")] == [  # noqa: S104 (nothing is bound to it)
        True, True, True, False, False, False, False,
    ]  # fmt: skip


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agenteval", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    for name in ("http", "grpc"):
        other = "grpc" if name == "http" else "http"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = run("serve", f"--{name}", address, f"--{other}", "127.0.0.1:0", cwd=tmp_path)
        assert done.returncode == 2
        assert f"serve.{name}: {address} is in use, perhaps by a collector or another receiver" in done.stderr
        assert f"--{name} HOST:PORT" in done.stderr


def test_two_receivers_do_not_share_a_port_in_silence(running: Any, tmp_path: Path) -> None:
    second = subprocess.Popen(
        [sys.executable, "-m", "agenteval", "serve", "--http", "off", "--grpc", running.grpc],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    said = second.stdout.readline()  # nothing, where it ended
    second.kill()
    assert said == ""
    assert "is in use" in second.communicate()[1]


def test_beyond_loopback_nothing_starts_without_keys(tmp_path: Path) -> None:
    done = run("serve", cwd=tmp_path, AGENTEVAL_SERVE_HTTP="0.0.0.0:0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "can be reached from other machines, and there are no API keys" in done.stderr
    assert not (tmp_path / ".agenteval").exists()


def test_a_new_key_is_printed_once_and_its_hash_admits_it(tmp_path: Path) -> None:
    done = run("serve", "--new-key", "shop", "--scope", "ingest", "--scope", "read", cwd=tmp_path)
    assert done.returncode == 0
    key = re.search(r"aek_[\w-]{43}", done.stdout)[0]
    (tmp_path / "agenteval.toml").write_text(done.stdout.partition("\n\n")[2], encoding="utf-8")
    from agenteval.intake.settings import load_settings

    settings = serve_settings(load_settings(tmp_path).serve, {}, {})
    assert Keys(settings.keys, lambda: 0.0).admit({"x-api-key": key}, "read").project == "shop"
    assert run("serve", "--new-key", "a b", cwd=tmp_path).returncode == 2
    assert "--new-key" in run("serve", "--scope", "read", cwd=tmp_path).stderr
    assert "keeps nothing" in run("serve", "--store", "memory:", cwd=tmp_path).stderr


def test_without_the_extra_its_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError('no starlette', name='starlette')")
    done = run("serve", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == 'error: the receiver needs starlette: pip install "agenteval[serve]"\n'


# --- doctor


def test_doctor_sends_a_span_and_reads_it_back(running: Any, tmp_path: Path) -> None:
    done = run("doctor", "--receiver", running.http, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"ok +a span read back: trace [0-9a-f]{32}, to the letter", done.stdout)


def test_doctor_says_what_a_key_may_not(guarded: Any, tmp_path: Path) -> None:
    done = run("doctor", "--receiver", guarded.http, cwd=tmp_path, AGENTEVAL_RECEIVER_KEY=SENDS)
    assert done.returncode == 1
    assert "ok    a span sent: acknowledged" in done.stdout
    assert "LOOK  a span read back: answered 403" in done.stdout
    assert "AGENTEVAL_RECEIVER_KEY" in done.stdout
    assert "answered 401" in run("doctor", "--receiver", guarded.http, cwd=tmp_path).stdout


def test_doctor_says_where_there_is_no_receiver(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    done = run("doctor", "--receiver", f"http://127.0.0.1:{port}", cwd=tmp_path)
    assert done.returncode == 1
    assert "cannot be reached" in done.stdout
    assert run("doctor", "--receiver", "no url", cwd=tmp_path).returncode == 1


def test_one_transport_alone_can_be_served(start: Callable[..., Any], make_spans: MakeSpans) -> None:
    receiver = start("--http", "off")
    assert (receiver.http, bool(receiver.grpc)) == ("", True)
    with grpc.insecure_channel(receiver.grpc) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        assert call(encode_traces(make_spans(1))) == b""
    assert receiver.end() == 0
    over_http = start("--grpc", "off")
    assert (over_http.grpc, httpx.get(over_http.http + "/readyz").status_code) == ("", 200)


SECRET = "sk-" + "a1B2" * 10


@pytest.mark.parametrize(
    ("arguments", "toml", "told", "kept"),
    [
        ((), "", "  secrets are redacted before anything is stored", "key [redacted:api_key] of ada@example.com"),
        ((), "[redact]\n", "  secrets and personal data are redacted", "key [redacted:api_key] of [redacted:email]"),
        (("--no-redact",), "[redact]\n", "  nothing is redacted", f"key {SECRET} of ada@example.com"),
        ((), "[redact]\noff = true\n", "  nothing is redacted", f"key {SECRET} of ada@example.com"),
    ],
)
def test_secrets_are_taken_out_unless_it_is_told_not_to(
    start: Callable[..., Any], make_spans: MakeSpans, arguments: tuple[str, ...], toml: str, told: str, kept: str
) -> None:
    receiver = start(*arguments, toml=toml)
    assert receiver.told[1].startswith(told)
    spans = make_spans(1, 1, said=f"key {SECRET} of ada@example.com", order="A-1002 of 2026-11-28, 42.50 USD")
    assert receiver.post(encode_traces(spans)).status_code == 200
    (span,), _ = receiver.stored(f"{1:032x}")
    assert span.attributes["said"] == kept
    assert span.attributes["order"] == "A-1002 of 2026-11-28, 42.50 USD"
    assert receiver.counted("redacted_values_total") == kept.count("[redacted")


def test_what_is_to_be_redacted_is_never_stored(start: Callable[..., Any], make_spans: MakeSpans) -> None:
    receiver = start(toml='[redact]\nemail = "pseudonym"\n', AGENTEVAL_REDACT_KEY="a secret of enough characters")
    assert "are redacted before anything is stored" in receiver.told[1]
    said = "write to ada.lovelace@example.com about it"
    assert receiver.post(encode_traces(make_spans(1, said=said, **{"db.password": "hunter22"}))).status_code == 200
    spans, _ = receiver.stored(f"{1:032x}")
    assert len({span.attributes["said"] for span in spans}) == 1  # equal values, equal pseudonyms
    assert {span.attributes["agenteval.redacted"]["email"] for span in spans} == {1}
    assert receiver.counted("redacted_values_total") == 6
    receiver.end()
    for file in receiver.store_path.parent.glob("store.db*"):
        assert b"lovelace" not in file.read_bytes()
        assert b"hunter22" not in file.read_bytes()
