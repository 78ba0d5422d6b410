"""What is installed here, which devices there are, which optional parts are missing and how to get them."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from hanka import __version__
from hanka.errors import how_to_install
from hanka.store.cache import cache_root

PARTS = {
    "run models here": ("local", ("torch", "transformers", "accelerate", "peft", "safetensors", "tokenizers")),
    "GGUF weights (the default model)": ("gguf", ("gguf",)),
    "nearest demonstrations, passages looked up (BM25)": ("retrieve", ("bm25s",)),
    "classifiers on encoders": ("encoders", ("sklearn", "safetensors")),
    "hub datasets": ("hub", ("datasets",)),
    "Japanese words in ROUGE": ("ja", ("fugashi", "unidic_lite")),
    "posterior of the emergence law": ("laws", ("emcee",)),
    "tasks of lm-evaluation-harness": ("lm-eval", ("lm_eval",)),
}

"What a part is for → the extra that brings it, and the modules it needs."
DISTRIBUTIONS = {"sklearn": "scikit-learn"}
"Packages that are installed under another name than they are imported."


def print_diagnosis() -> None:
    """Print versions, devices, optional parts, cache and network settings; no secret is printed."""
    print(f"hanka {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for what, (extra, packages) in PARTS.items():
        missing = [name for name in packages if find_spec(name) is None]
        found = ", ".join(f"{name} {_version(name)}" for name in packages if name not in missing)
        if missing:
            print(f"missing  {what}: {', '.join(missing)}; get it with: {how_to_install(extra)}")
        else:
            print(f"ok       {what}: {found}")
    print(f"devices  {_devices()}")
    cache = cache_root()
    free = shutil.disk_usage(_existing(cache)).free / 1e9
    print(f"cache    {cache} ({free:.1f} GB free); safe to delete")
    offline = os.environ.get("HF_HUB_OFFLINE") or "no"
    token = "set" if os.environ.get("HF_TOKEN") else "not set"
    print(f"hub      offline mode: {offline}; HF_TOKEN: {token}")


def _version(package: str) -> str:
    try:
        return version(DISTRIBUTIONS.get(package, package).replace("_", "-"))
    except PackageNotFoundError:
        return "?"


def _devices() -> str:
    cores = f"{os.cpu_count()} processor cores"
    if find_spec("torch") is None:
        return cores
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return f"{cores}, {', '.join(names)}"
    return f"{cores}, Apple GPU" if torch.backends.mps.is_available() else f"{cores}, no GPU"


def _existing(path: os.PathLike[str]) -> str:
    from pathlib import Path

    here = Path(path)
    while not here.exists():
        here = here.parent
    return str(here)
