"""The sandbox's chat: both protocols, and the rules that derive an answer from the request."""
