"""Held-out patients once more, as other scanners might have shown them."""
