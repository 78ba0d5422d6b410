"""hanka: what does adapting this language model do to its generalization, and should we adapt it at all?"""

__version__ = "0.1.0"
