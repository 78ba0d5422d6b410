"""Where torch's own random numbers begin: dropout and first weights draw from generators that nobody can hand in.

Used by what trains and by what puts new weights onto a model, with seeds of `identity.stream_seed`.
"""

from __future__ import annotations


def seed_torch(seed: int) -> None:
    """Begin torch's generators, of all devices, at a seed.

    Without an accelerator only the processor's: `torch.manual_seed` would keep a stack trace for each kind of device
    that is not there, at a hundred times the price of seeding.
    """
    import torch

    seed %= 2**63
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
