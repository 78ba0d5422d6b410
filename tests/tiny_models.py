"""Tiny models built from a config, with a byte-level tokenizer trained on the spot: no downloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CORPUS = [
    "### Input:\nA short text about a dog.\n### Sentiment:positive\n\n### Summary:",
    "### Input_1:\nThe first text.\n### Input_2:\nThe second text.\n### Inference:entailment neutral contradiction",
    "### Answer:\n### Question:What is it? Who was there? yes no negative positive entail neutral",
    "Sentiment: The relation is Are they paraphrasing?: Provide a summary:",
]


def tiny_tokenizer() -> Any:
    """A byte-level BPE tokenizer of 400 entries, with BOS, EOS and padding; adds no BOS by itself."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        clean_up_tokenization_spaces=False,
    )


def tiny_config(family: str = "llama", **changes: Any) -> Any:
    """A two-layer config of a model family."""
    from transformers import AutoConfig

    sizes: dict[str, Any] = {
        "vocab_size": 400,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 2048,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
        "tie_word_embeddings": True,
    }
    if family == "gpt2":
        sizes = {
            "vocab_size": 400, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 2048,
            "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
        }  # fmt: skip
    return AutoConfig.for_model(family, **(sizes | changes))


def tiny_model(family: str = "llama", seed: int = 0, **changes: Any) -> Any:
    """A randomly initialised model of a family, in evaluation mode."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(tiny_config(family, **changes), dtype=torch.float32)
    return model.eval()


def save_tiny_model(folder: Path, family: str = "llama", seed: int = 0, **changes: Any) -> Path:
    """Save a tiny model and its tokenizer as an ordinary model folder."""
    tiny_model(family, seed, **changes).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder
