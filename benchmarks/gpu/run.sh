#!/usr/bin/env bash
# Measure hanka on one GPU without a network, from anywhere: bash benchmarks/gpu/run.sh [options]
# Takes $PYTHON (default python3) as it is where it has what hanka needs; else adds pydantic from wheels lying in $WHEELS
# (default .whl), in a folder of its own.
set -euo pipefail
PYTHON=${PYTHON:-python3}
WHEELS=$(realpath -m "${WHEELS:-$(dirname "$0")/../../.whl}")
OPTIONS=()
while [ $# -gt 0 ]; do
  if [ "$1" = --out ]; then OPTIONS+=(--out "$(realpath -m "$2")"); shift 2; else OPTIONS+=("$1"); shift; fi
done
cd "$(dirname "$0")/../.."
NEEDS="import accelerate, peft, pydantic, benchmarks.gpu.__main__"
export PYTHONPATH="src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=true
if ! "$PYTHON" -c "import pydantic" 2>/dev/null; then
  SITE=$(mktemp -d)
  trap 'rm -rf "$SITE"' EXIT
  "$PYTHON" -m pip install --quiet --no-index --find-links "$WHEELS" --target "$SITE" --no-compile pydantic
  export PYTHONPATH="$PYTHONPATH:$SITE"
fi
"$PYTHON" -c "$NEEDS"
"$PYTHON" -m benchmarks.gpu "${OPTIONS[@]}"
