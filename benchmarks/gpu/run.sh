#!/usr/bin/env bash
# Measure hanka on one GPU without a network, from the repository root: bash benchmarks/gpu/run.sh [options]
# Takes $PYTHON (default python3) as it is where it has what hanka needs; else makes a virtual environment on top of it
# from wheels lying in $WHEELS (default .whl).
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
WHEELS=${WHEELS:-.whl}
NEEDS="import accelerate, peft, benchmarks.gpu.exactness, benchmarks.gpu.measure"
export PYTHONPATH="src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=true
if ! "$PYTHON" -c "$NEEDS" 2>/dev/null; then
  ENV=${TMPDIR:-/tmp}/hanka-gpu-bench
  "$PYTHON" -m venv --system-site-packages "$ENV"
  # A virtual environment made from another one does not see that one's packages by itself.
  "$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
    > "$("$ENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/below.pth"
  "$ENV/bin/python" -m pip install --quiet --no-index --no-deps --find-links "$WHEELS" "$WHEELS"/*.whl
  PYTHON=$ENV/bin/python
  "$PYTHON" -c "$NEEDS"
fi
exec "$PYTHON" -m benchmarks.gpu "$@"
