#!/bin/bash
# The containers for real: build the CPU image, start API and worker, ingest, ask, kill the API, find everything again,
# take all down. Needs a Docker engine with Compose v2, curl and python3. About 6 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."

docker info >/dev/null 2>&1 || { echo "no Docker engine answers here: start one, or set DOCKER_HOST" >&2; exit 1; }
export SIMURGH_API_KEY
SIMURGH_API_KEY=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
export SIMURGH_PUBLISH=${SIMURGH_PUBLISH:-18437} COMPOSE_PROJECT_NAME=simurgh-test-$$ DOCKER_BUILDKIT=1
URL=http://127.0.0.1:$SIMURGH_PUBLISH
WORK=$(mktemp -d)
PASSED=0
wheel=

finish() {
  rc=$?
  set +e
  if [ $rc -ne 0 ]; then
    echo "== what the containers said last"
    docker compose ps -a
    docker compose logs --no-color --tail 60
  fi
  timeout 120 docker compose down -v --remove-orphans --timeout 15 >/dev/null 2>&1
  left=$(docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    docker volume ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
  [ -z "$left" ] || { echo "left behind: $left"; rc=1; }
  [ -z "$wheel" ] || rm -f "$wheel"
  rm -rf "$WORK"
  if [ $rc -eq 0 ]; then echo "$PASSED passed, 0 failed"; else echo "$PASSED passed, 1 failed"; fi
  exit $rc
}
trap finish EXIT
passed() { PASSED=$((PASSED + 1)); echo "ok: $1 (${SECONDS} s)"; }
call() { curl -sS --fail-with-body --max-time 120 -H "Authorization: Bearer $SIMURGH_API_KEY" "$@"; }
field() { python3 -c 'import json,sys
value = json.load(sys.stdin)
for key in sys.argv[1:]: value = value[int(key) if key.isdigit() else key]
print(value)' "$@"; }

# A wheel of PyTorch's CPU build that pip finds on this machine serves the image, too.
if ! compgen -G 'docker/wheels/torch-*.whl' >/dev/null; then
  version=$(sed -n 's/^torch==\([^ ]*\).*/\1/p' requirements/cpu.txt)
  for place in ${PIP_FIND_LINKS:-} $(python3 -m pip config get global.find-links 2>/dev/null || true); do
    found=$(compgen -G "$place/torch-$version-cp311-*x86_64.whl" | head -1) || continue
    wheel=docker/wheels/$(basename "$found")
    cp "$found" "$wheel"
    break
  done
fi

# The files themselves.
if (unset SIMURGH_API_KEY; docker compose config -q) 2>/dev/null; then
  echo "compose starts without SIMURGH_API_KEY" >&2
  exit 1
fi
docker compose --profile gpu config -q
passed "docker-compose.yml is well-formed, with and without the GPU, and asks for a key"
if command -v hadolint >/dev/null; then
  hadolint --ignore DL3003 --ignore DL3008 --ignore DL3042 --failure-threshold warning docker/Dockerfile docker/Dockerfile.gpu
  passed "the Dockerfiles pass hadolint"
fi

timeout 600 docker build --progress plain -f docker/Dockerfile -t simurgh:cpu . >"$WORK/build.log" 2>&1 ||
  { tail -60 "$WORK/build.log"; exit 1; }
passed "the image builds: $(($(docker image inspect -f '{{.Size}}' simurgh:cpu) / 1000000)) MB"

timeout 400 docker compose up -d --wait --pull never --no-build 2>"$WORK/up.log" || { cat "$WORK/up.log"; exit 1; }
passed "api and worker are healthy"

code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 10 "$URL/documents")
[ "$code" = 401 ] || { echo "without a key: $code, not 401"; exit 1; }
passed "without a key the door is closed"

# Ingest a file and ask about it.
cat >"$WORK/pumps.md" <<'T'
# Pump station handbook

The Zarrin pump station is inspected every nine weeks by the night shift.

Spare seals for the pumps are kept in cabinet 14, next to the compressor hall.

In an emergency call the control room on extension 7731 and close valve K-22 first.
T
job=$(call -F "file=@$WORK/pumps.md;type=text/markdown" -F collection=default "$URL/ingest" | tee "$WORK/ingest.json" | field job_id)
document=$(field documents 0 document_id <"$WORK/ingest.json")
for _ in $(seq 120); do
  status=$(call "$URL/jobs/$job" | field status)
  case $status in succeeded) break ;; failed | cancelled) call "$URL/jobs/$job"; exit 1 ;; esac
  sleep 1
done
[ "$status" = succeeded ] || { echo "the job is still $status after two minutes"; exit 1; }
passed "the worker ingested a document"

ask() { # checks that every citation's quote is the stored text at its offsets
  call -H 'Content-Type: application/json' "$URL/ask" \
    -d '{"question": "In which cabinet are the spare seals for the pumps kept?", "max_tokens": 64}' >"$WORK/answer.json"
  call "$URL/documents/$document/text" >"$WORK/text"
  python3 - "$WORK/answer.json" "$WORK/text" "$document" <<'P'
import json, sys
answer = json.load(open(sys.argv[1]))
text = open(sys.argv[2], newline="").read()
try:
    body = json.loads(text)
    text = body["text"] if isinstance(body, dict) else body
except ValueError:
    pass
assert not answer["abstained"], answer
assert answer["citations"], answer
for citation in answer["citations"]:
    assert citation["document_id"] == sys.argv[3], citation
    stored = text[citation["start"] : citation["end"]]
    assert citation["quote"] == stored and stored.strip(), (citation, stored)
assert any("cabinet 14" in citation["quote"] for citation in answer["citations"]), answer
print("   ", answer["answer"].replace("\n", " ")[:200])
P
}
ask
passed "the answer cites the stored text at its offsets"

# Kill the API without a word; it comes back by itself, and what was stored is there.
api=$(docker compose ps -q api)
before=$(docker inspect -f '{{.State.StartedAt}}' "$api")
kill -9 "$(docker inspect -f '{{.State.Pid}}' "$api")"
for _ in $(seq 180); do
  now=$(docker inspect -f '{{.State.StartedAt}} {{.State.Health.Status}}' "$api")
  [ "${now% *}" != "$before" ] && [ "${now##* }" = healthy ] && break
  sleep 1
done
[ "${now##* }" = healthy ] && [ "${now% *}" != "$before" ] || { echo "the API did not come back: $now"; exit 1; }
passed "the API came back after kill -9"
ask
passed "the document is still there and still cited"
