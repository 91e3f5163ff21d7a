"""The files in docker/ are well-formed by the tools of their formats, agree with each other and with the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from sqlalchemy import make_url

from agenteval._util.version import __version__
from agenteval.errors import RequestError
from agenteval.intake.serving import OFF, PREFIX, ServeSettings, host_and_port, is_loopback, new_key, serve_settings
from agenteval.intake.settings import FILE
from agenteval.telemetry.redact.redactor import KEY_VARIABLE

DOCKER = Path(__file__).resolve().parents[2] / "docker"
MANIFESTS = sorted((DOCKER / "kubernetes").glob("*.yaml"))
FILES = sorted(path for path in DOCKER.rglob("*") if path.is_file() and path.name not in {".env", FILE})
SCRIPTS = [path for path in FILES if path.suffix == ".sh"]
MEMORY = "/tmp"  # noqa: S108 (in a container, where nobody else is)
OUR_IMAGE = f"agenteval:{__version__}"
SECRET_NAMES = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)
REFERENCE = re.compile(r"\$\{[A-Z_]+:(\?[^}]+|-)\}")  # where it is not set, compose ends with a message, or it is empty


def tool(name: str, *arguments: str | Path) -> None:
    """Run a tool of this environment, which must find nothing."""
    command = [Path(sysconfig.get_path("scripts")) / name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}"


def seconds(written: str) -> int:
    """A compose duration of whole seconds."""
    match = re.fullmatch(r"(\d+)s", written)
    assert match, written
    return int(match[1])


def port_of(address: str) -> int:
    return host_and_port(address)[1]


def ports(settings: ServeSettings) -> list[int]:
    return [port_of(settings.http), port_of(settings.grpc)]


# --- the formats


def test_hadolint_finds_nothing_in_the_dockerfile():
    tool("hadolint", "--failure-threshold", "style", DOCKER / "Dockerfile")


def test_the_compose_file_is_one_by_its_schema():
    tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_the_manifests_are_what_kubernetes_takes_and_hold_nothing_else(path: Path):
    tool("kubernetes-validate", "--strict", path)


def test_all_that_there_is_was_looked_at(objects: dict[str, Any]):
    assert objects.keys() == {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    yaml = {path for path in FILES if path.suffix in {".yaml", ".yml"}}
    assert yaml == {*MANIFESTS, DOCKER / "compose.yaml"}


def test_no_python_file_is_in_a_folder_that_is_named_like_the_docker_sdk():
    assert [path.name for path in FILES if path.suffix.startswith(".py")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no bash to ask, and no mode that says executable")
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_read_by_the_shell_and_started(path: Path):
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True)


# --- versions


def test_every_image_is_named_with_a_version(dockerfile: Any, compose: dict[str, Any], container: dict[str, Any]):
    bases = {line.split()[0] for line in dockerfile.all("FROM")}
    images = {service["image"] for service in compose["services"].values()} | {container["image"]}
    assert [name for name in bases | images if not re.fullmatch(r"[a-z/]+:\d+\.\d+[\w.-]*", name)] == []
    assert len(bases) == 1  # what was compiled in one stage runs in the other
    assert compose["services"]["agenteval"]["image"] == container["image"] == OUR_IMAGE


def test_the_labels_name_our_version(objects: dict[str, Any]):
    deployment = objects["Deployment"]
    labels = [deployment["metadata"]["labels"], deployment["spec"]["template"]["metadata"]["labels"]]
    assert {each["app.kubernetes.io/version"] for each in labels} == {__version__}


def test_the_image_has_a_python_that_we_support(dockerfile: Any, repo: Path):
    project = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = Version(re.match(r"python:([\d.]+)", dockerfile.all("FROM")[0])[1])
    assert version in SpecifierSet(project["requires-python"])
    assert f"Programming Language :: Python :: {version.major}.{version.minor}" in project["classifiers"]


# --- what goes into the image


def copied(dockerfile: Any) -> list[str]:
    """What is copied from the repository."""
    return [name for line in dockerfile.all("COPY") if not line.startswith("--from") for name in line.split()[:-1]]


def test_all_that_the_wheel_is_built_from_is_copied(dockerfile: Any, repo: Path):
    built = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [
        *built["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"],
        *built["project"]["license-files"],
        built["project"]["readme"],
        *("pyproject.toml", "hatch_build.py", "constraints.txt"),
    ]
    names = copied(dockerfile)
    assert [name for name in names if not (repo / name).exists()] == []
    assert [name for name in needed if not any(name == each or name.startswith(f"{each}/") for each in names)] == []


def test_what_is_sent_to_the_builder_is_what_is_copied(dockerfile: Any):
    first, *lines = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert first == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == set(copied(dockerfile))


def test_the_image_has_every_extra(dockerfile: Any, repo: Path):
    project = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"\[([a-z,]+)\]", next(line for line in dockerfile.all("RUN") if "/dist/" in line))
    (extras,) = [set(each.split(",")) for each in named]
    assert extras == project["optional-dependencies"].keys() - {"dev"}
    tried = re.search(r"'\.\[([a-z,]+)\]'", (DOCKER / "try-image.sh").read_text(encoding="utf-8"))
    assert set(tried[1].split(",")) == extras
    assert Requirement(f"agenteval[{tried[1]}]").extras == extras


# --- who it runs as, and where it may write


def test_it_is_the_same_user_everywhere_and_not_root(dockerfile: Any, compose: dict[str, Any], pod: dict[str, Any]):
    user, group = map(int, dockerfile.one("USER").split(":"))
    assert user > 0 < group
    made = " ".join(rest for name, rest in dockerfile.last_stage if name == "RUN")
    assert f"groupadd --gid {group} " in made
    assert f"useradd --uid {user} --gid {group} " in made
    assert f"--owner={user} --group={group} --mode=0700 /data" in made
    assert compose["services"]["agenteval"]["user"] == f"{user}:{group}"
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (user, group, group)


@pytest.mark.parametrize("name", ["agenteval", "database"])
def test_a_service_has_no_more_rights_than_it_needs(compose: dict[str, Any], name: str):
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "userns_mode"}
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["restart"] == "unless-stopped"
    written = [place.split(":")[0] for place in service["tmpfs"]]
    assert written == [MEMORY] + ["/run/postgresql"] * (name == "database")
    assert all("size=" in place for place in service["tmpfs"])


def test_no_other_service_is_in_the_compose_file(compose: dict[str, Any]):
    assert compose["services"].keys() == {"agenteval", "database"}


def test_the_container_has_no_more_rights_than_it_needs(pod: dict[str, Any], container: dict[str, Any]):
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
    assert container["resources"].keys() == {"requests", "limits"}
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys() <= container["resources"]["limits"].keys()


def test_what_the_container_writes_to_is_bounded_memory(pod: dict[str, Any], container: dict[str, Any]):
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounts.keys() == volumes.keys()
    writable = {name for name, mount in mounts.items() if not mount.get("readOnly")}
    assert {mounts[name]["mountPath"] for name in writable} == {MEMORY}
    assert all(volumes[name]["emptyDir"].keys() == {"medium", "sizeLimit"} for name in writable)


# --- settings


def test_every_variable_is_one_that_the_code_reads(dockerfile: Any, compose: dict[str, Any], container: dict[str, Any]):
    known = {"AGENTEVAL_STORE", KEY_VARIABLE} | {
        PREFIX + name.upper() for name in ServeSettings.model_fields if name != "keys"
    }
    given = [*dockerfile.env, *compose["services"]["agenteval"]["environment"]]
    given += [each["name"] for each in container["env"]]
    ours = [name for name in given if name.startswith("AGENTEVAL_")]
    assert "AGENTEVAL_SERVE_HTTP" in ours
    assert [name for name in ours if name not in known] == []


def test_the_image_serves_all_interfaces_but_never_without_keys(dockerfile: Any):
    with pytest.raises(RequestError, match="there are no API keys"):
        serve_settings({}, dockerfile.env, {})
    settings = serve_settings({"keys": [new_key("shop", ["ingest"])[1].model_dump()]}, dockerfile.env, {})
    assert OFF not in {settings.http, settings.grpc}
    assert not any(is_loopback(host_and_port(address)[0]) for address in (settings.http, settings.grpc))


def test_the_ports_are_the_same_everywhere(
    dockerfile: Any, compose: dict[str, Any], objects: dict[str, Any], container: dict[str, Any]
):
    expected = ports(ServeSettings())
    assert ports(ServeSettings(http=dockerfile.env[PREFIX + "HTTP"], grpc=dockerfile.env[PREFIX + "GRPC"])) == expected
    assert list(map(int, dockerfile.one("EXPOSE").split())) == expected
    assert f":{expected[0]}/" in dockerfile.one("HEALTHCHECK")
    published = compose["services"]["agenteval"]["ports"]
    assert published == [f"127.0.0.1:{port}:{port}" for port in expected]  # never to other machines in the clear
    named = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert list(named.values()) == expected
    service = objects["Service"]["spec"]["ports"]
    assert [(each["port"], named[each["targetPort"]]) for each in service] == [(port, port) for port in expected]
    policy = objects["NetworkPolicy"]["spec"]["ingress"]
    assert {each["port"] for rule in policy for each in rule["ports"]} == set(named)
    probes = [probe for name, probe in container.items() if name.endswith("Probe")]
    assert {probe["httpGet"]["port"] for probe in probes} <= set(named)
    script = (DOCKER / "try-image.sh").read_text(encoding="utf-8")
    assert [port for port in expected if f"127.0.0.1:{port}" not in script] == []


def test_settings_are_mounted_where_they_are_looked_for(
    dockerfile: Any, compose: dict[str, Any], pod: dict[str, Any], container: dict[str, Any]
):
    folder = dockerfile.one("WORKDIR")
    (config,) = compose["services"]["agenteval"]["configs"]
    assert config["target"] == f"{folder}/{FILE}"
    assert compose["configs"][config["source"]] == {"file": f"./{FILE}"}
    (mount,) = [each for each in container["volumeMounts"] if each["mountPath"] == folder]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert mount["readOnly"] is True
    assert volume["secret"]["secretName"] == "agenteval-settings"
    assert volume["secret"]["defaultMode"] == 0o440  # read by the group, which fsGroup is


def test_the_services_store_is_its_database(dockerfile: Any, compose: dict[str, Any]):
    assert dockerfile.env["AGENTEVAL_STORE"] == "sqlite:////data/store.db"
    services = compose["services"]
    url = make_url(services["agenteval"]["environment"]["AGENTEVAL_STORE"])
    database = services["database"]["environment"]
    assert (url.host, url.port) == ("database", 5432)
    assert (url.username, url.database) == (database["POSTGRES_USER"], database["POSTGRES_DB"])
    assert services["agenteval"]["environment"]["PGPASSWORD"] == database["POSTGRES_PASSWORD"]
    assert services["agenteval"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    shared = set(services["agenteval"]["networks"]) & set(services["database"]["networks"])
    assert set(services["database"]["networks"]) == shared
    assert all(compose["networks"][name]["internal"] is True for name in shared)


def test_secrets_stand_nowhere_but_are_referred_to(compose: dict[str, Any], container: dict[str, Any]):
    text = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    assert [name for name, each in text.items() if re.search(r"://[^/\s@:]*:[^/\s@]+@", each)] == []
    assert [name for name, each in text.items() if re.search(r"^kind: Secret$", each, re.MULTILINE)] == []
    for service in compose["services"].values():
        secret = {name: value for name, value in service["environment"].items() if SECRET_NAMES.search(name)}
        assert secret
        assert [name for name, value in secret.items() if not REFERENCE.fullmatch(value)] == []
    named = {each["name"]: each for each in container["env"]}
    assert named.keys() == {"AGENTEVAL_STORE", KEY_VARIABLE}
    assert [name for name, each in named.items() if each.get("valueFrom", {}).keys() != {"secretKeyRef"}] == []


# --- the end, and who finds whom


def test_there_is_time_to_drain(
    dockerfile: Any, compose: dict[str, Any], pod: dict[str, Any], container: dict[str, Any]
):
    drain = ServeSettings().drain_seconds
    assert dockerfile.one("STOPSIGNAL") == "SIGTERM"
    assert seconds(compose["services"]["agenteval"]["stop_grace_period"]) > drain
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > before + drain


def test_the_process_that_gets_the_signal_is_the_receiver(dockerfile: Any, container: dict[str, Any]):
    assert json.loads(dockerfile.one("ENTRYPOINT")) == ["agenteval"]
    assert json.loads(dockerfile.one("CMD")) == ["serve"]
    assert not container.keys() & {"command", "args"}


def test_selectors_select_the_pods(objects: dict[str, Any]):
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)


def test_a_service_of_our_name_leaves_the_environment_alone(objects: dict[str, Any], pod: dict[str, Any]):
    assert objects["Service"]["metadata"]["name"] == "agenteval"
    assert pod["enableServiceLinks"] is False  # it would put AGENTEVAL_PORT and others there


def test_traffic_is_denied_unless_it_is_allowed(objects: dict[str, Any]):
    policy = objects["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["from"] and rule["ports"] for rule in policy["ingress"])
    assert {each["port"] for rule in policy["egress"] for each in rule["ports"]} == {53, 5432}


def test_an_update_takes_no_receiver_away_before_another_is_ready(objects: dict[str, Any]):
    spec = objects["Deployment"]["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["replicas"] > objects["PodDisruptionBudget"]["spec"]["minAvailable"] >= 1


def test_what_users_write_beside_these_files_is_ignored_by_git(repo: Path):
    lines = (repo / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {f"docker/{FILE}", "docker/.env"} <= set(lines)
