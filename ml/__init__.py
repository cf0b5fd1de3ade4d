"""What the models know: HU volumes in, assessed hemorrhage out; no queue, no database, no web."""
