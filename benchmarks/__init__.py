"""Benchmarks against a server on loopback: `python -m benchmarks.embeddings` from the repository's root."""
