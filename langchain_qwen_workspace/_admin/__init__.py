"""What `langchain_qwen_workspace.admin` is made of: operations of the control plane, a file's plan, key rotation."""
