"""How the shipped weights were made: prepare, train, evaluate, calibrate, export."""
