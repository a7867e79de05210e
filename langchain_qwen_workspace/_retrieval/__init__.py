"""Parts of embeddings and rerank: their inputs, and how requests are batched and run concurrently."""
