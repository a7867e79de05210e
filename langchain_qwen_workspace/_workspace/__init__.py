"""Parts of a workspace: its endpoints, keys and permissions."""
