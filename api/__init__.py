"""The web process: HTTP in, JSON and one page out. No torch, no model, no worker."""
