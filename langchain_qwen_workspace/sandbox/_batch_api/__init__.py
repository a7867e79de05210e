"""The sandbox's Batch API: files, batches and their lines."""
