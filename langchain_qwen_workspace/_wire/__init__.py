"""How the protocols speak: pure functions between LangChain's words and each protocol's JSON."""
