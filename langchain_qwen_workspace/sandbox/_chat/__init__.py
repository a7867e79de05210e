"""The sandbox's chat: its protocols, and the rules that derive an answer from the request."""
