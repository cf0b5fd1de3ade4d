"""Training of the networks that name places, and their figures out of fold."""
