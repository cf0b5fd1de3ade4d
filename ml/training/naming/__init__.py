"""How blood gets its kinds, fitted to bleeding patients out of fold."""
