"""A simulated reading room: what an order of the worklist does to those who wait.

The same studies go through every policy (common random numbers), and the proposed policy is
:mod:`preread.ranking` itself, not a copy of it.
"""
