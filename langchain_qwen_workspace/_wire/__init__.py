"""Encodes requests and decodes responses of each protocol: pure functions between LangChain's types and JSON."""
