"""`qwen-workspace admin`: workspaces, keys, permissions, limits and bills; a file for each command."""
