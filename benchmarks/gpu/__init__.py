"""hanka on one GPU without a network: exactness first, then speed; `python -m benchmarks.gpu` (see `run.sh`)."""
