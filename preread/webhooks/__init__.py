"""Tells other systems what happened: signed, at least once, and never in the way of the reading."""
