"""hanka beside its peers on the same items, model, precision and threads; `python -m benchmarks.run`."""
