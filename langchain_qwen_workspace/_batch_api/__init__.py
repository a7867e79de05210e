"""Parts of the Batch API client: request lines and batch status."""
