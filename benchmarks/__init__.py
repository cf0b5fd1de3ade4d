"""What the service costs, measured: ``python -m benchmarks``; see docs/benchmarks.md."""
