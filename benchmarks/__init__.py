"""Measurements: plain scripts, never tests. `python -m benchmarks.sync` measures a sync."""
