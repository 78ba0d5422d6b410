"""A whole model in transformers' layout → one GGUF file, as llama.cpp reads it.

Matrices become 16-bit floats, vectors stay 32-bit; a matrix that 16 bits cannot hold stays 32-bit, and a note says so. Layout: the
specification at github.com/ggml-org/ggml/blob/master/docs/gguf.md, names by the package `gguf`. Rows of queries and keys of the architecture
`llama` are put into the order of llama.cpp's rotary embedding (pairs beside each other instead of halves).

Limits: the architectures and pre-tokenizers below, byte-level BPE, rotary embeddings without scaling; all else is refused in one line, and
llama.cpp's own converter may know more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hanka.errors import ModelError
from hanka.identity import canonical
from hanka.store.cache import atomic_path

ARCHITECTURES = {"llama": "LLAMA", "qwen2": "QWEN2", "qwen3": "QWEN3"}
"`model_type` of a configuration → name of the architecture in the package `gguf`."
HALF_MAX = 65_504.0
"Largest 16-bit float."
OTHER_CONVERTERS = "llama.cpp's convert_hf_to_gguf.py may know it: export with --to merged and convert that folder"
LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def _split_by(pattern: str) -> list[Any]:
    return [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
    ]


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
PRE_TOKENIZERS: dict[str, list[Any]] = {
    "gpt-2": [BYTES],
    "smollm": [{"type": "Digits", "individual_digits": True}, BYTES],
    "qwen2": _split_by(rf"{LETTERS}|\p{{N}}|{REST}"),
    "llama-bpe": _split_by(rf"{LETTERS}|\p{{N}}{{1,3}}|{REST}"),
}
"What llama.cpp calls it → the steps of a tokenizer.json, `trim_offsets` aside."


def write_gguf(folder: Path, path: Path, name: str) -> tuple[str, ...]:
    """Write the model of a folder as a GGUF file; returns what should be known of it. Raises ModelError in one line."""
    try:
        import gguf
        import torch
        from safetensors import safe_open
    except ImportError as error:
        raise ModelError(f"GGUF files need the extras `local` and `gguf` ({error.name} is missing)") from None
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = str(config.get("model_type"))
    if kind not in ARCHITECTURES:
        raise ModelError(f"{folder}: architecture {kind!r} cannot be written as GGUF here; {OTHER_CONVERTERS}")
    arch = gguf.MODEL_ARCH[ARCHITECTURES[kind]]
    names = gguf.get_tensor_name_map(arch, int(config["num_hidden_layers"]))
    notes: list[str] = []
    with atomic_path(path) as temporary:
        writer = gguf.GGUFWriter(temporary, gguf.MODEL_ARCH_NAMES[arch])
        _describe(writer, config, name)
        _spell(writer, folder, int(config["vocab_size"]))
        for file in sorted(folder.glob("*.safetensors")):
            with safe_open(file, "pt") as tensors:
                for key in tensors.keys():  # noqa: SIM118 - no mapping
                    if key == "lm_head.weight" and config.get("tie_word_embeddings"):
                        continue
                    to = names.get_name(key, try_suffixes=(".weight", ".bias"))
                    if to is None:
                        raise ModelError(
                            f"{folder}: tensor {key} has no place in a GGUF file of {kind}; {OTHER_CONVERTERS}"
                        )
                    value = tensors.get_tensor(key).to(torch.float32)
                    value = _rotated(value, key, config) if kind == "llama" else value
                    wide = value.dim() == 1 or bool(value.abs().max() > HALF_MAX)
                    if wide and value.dim() > 1:
                        notes.append(f"{key} holds values that 16 bits cannot: it stays in 32")
                    writer.add_tensor(to, value.numpy() if wide else value.to(torch.float16).numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return tuple(notes)


def _describe(writer: Any, config: Mapping[str, Any], name: str) -> None:
    """Write what a runtime must know of the network."""
    rope = config.get("rope_parameters") or {}
    scaling = config.get("rope_scaling") or rope
    if str(scaling.get("rope_type", scaling.get("type", "default"))) != "default":
        raise ModelError(f"rotary embeddings with scaling cannot be written as GGUF here; {OTHER_CONVERTERS}")
    heads = int(config["num_attention_heads"])
    head_dim = int(config.get("head_dim") or int(config["hidden_size"]) // heads)
    writer.add_name(name)
    writer.add_file_type(1)  # mostly 16-bit floats
    writer.add_context_length(int(config["max_position_embeddings"]))
    writer.add_embedding_length(int(config["hidden_size"]))
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(heads)
    writer.add_head_count_kv(int(config.get("num_key_value_heads") or heads))
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(float(rope.get("rope_theta", config.get("rope_theta", 10_000.0))))
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    writer.add_vocab_size(int(config["vocab_size"]))


def _rotated(value: Any, key: str, config: Mapping[str, Any]) -> Any:
    """Return the rows of queries and keys in the order of pairs that lie beside each other."""
    heads = int(config["num_attention_heads"])
    if ".q_proj." in key:
        n = heads
    elif ".k_proj." in key:
        n = int(config.get("num_key_value_heads") or heads)
    else:
        return value
    return (
        value.reshape(n, 2, value.shape[0] // n // 2, *value.shape[1:]).swapaxes(1, 2).reshape(value.shape).contiguous()
    )


def pre_tokenizer(found: Mapping[str, Any]) -> str:
    """Return what llama.cpp calls the pre-tokenizer of a tokenizer.json. Raises ModelError where it knows none."""
    said = found.get("pre_tokenizer") or {}
    steps = said.get("pretokenizers") if said.get("type") == "Sequence" else [said]
    written = [{name: value for name, value in step.items() if name != "trim_offsets"} for step in steps or ()]
    for name, known in PRE_TOKENIZERS.items():
        if canonical(written) == canonical([{k: v for k, v in step.items() if k != "trim_offsets"} for step in known]):
            return name
    raise ModelError(f"this tokenizer cuts text before BPE in a way that has no name in GGUF here; {OTHER_CONVERTERS}")


def _spell(writer: Any, folder: Path, n_rows: int) -> None:
    """Write the tokenizer: tokens with their kinds, merges, special tokens, chat template."""
    from transformers import AutoTokenizer

    found = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    normalizer = found.get("normalizer") or {
        "type": "NFC"
    }  # what llama.cpp leaves out: texts in that form are the same
    if found["model"].get("type") != "BPE" or normalizer != {"type": "NFC"}:
        raise ModelError(f"{folder}: only byte-level BPE tokenizers can be written as GGUF here; {OTHER_CONVERTERS}")
    pre = pre_tokenizer(found)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    added = {one["id"]: one for one in found.get("added_tokens") or ()}
    spelt = {index: token for token, index in found["model"]["vocab"].items()} | {
        at: one["content"] for at, one in added.items()
    }
    tokens, kinds = zip(*_tokens(spelt, added, n_rows), strict=True)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(list(tokens))
    writer.add_token_types(list(kinds))
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in found["model"]["merges"]])
    for add, index in (
        (writer.add_bos_token_id, tokenizer.bos_token_id), (writer.add_eos_token_id, tokenizer.eos_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):  # fmt: skip
        if index is not None:
            add(int(index))
    writer.add_add_bos_token(tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id])
    if isinstance(tokenizer.chat_template, str):
        writer.add_chat_template(tokenizer.chat_template)


def _tokens(spelt: Mapping[int, str], added: Mapping[int, Any], n_rows: int) -> Iterator[tuple[str, int]]:
    """Yield every row of the embedding as a token with its kind; rows without a token are unused."""
    import gguf

    for index in range(n_rows):
        if index not in spelt:
            yield f"[PAD{index}]", int(gguf.TokenType.UNUSED)
        elif index in added:
            yield spelt[index], int(gguf.TokenType.CONTROL if added[index]["special"] else gguf.TokenType.USER_DEFINED)
        else:
            yield spelt[index], int(gguf.TokenType.NORMAL)
