"""Shared parts of embeddings and rerank: input checks, batching, and concurrent requests."""
