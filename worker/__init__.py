"""Reads studies: a supervisor without a model, and children that each keep one warm."""
