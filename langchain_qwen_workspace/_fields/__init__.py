"""Pydantic fields that components share: workspace, client and retrieval settings."""
