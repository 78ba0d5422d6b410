"""SPIDER: after every step each weight follows the optimizer as far as the task needs it more than pre-training did."""
