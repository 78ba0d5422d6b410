"""One entry of every kind from outside the repository, one file each; `pyproject.toml` beside it names them."""
