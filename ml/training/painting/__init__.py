"""Bleeds and look-alikes painted into real heads without blood: they train, they never evaluate."""
