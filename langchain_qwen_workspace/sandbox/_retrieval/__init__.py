"""The sandbox's embeddings and rerank."""
