"""`python -m langchain_qwen_workspace`: the command `qwen-workspace`."""

from langchain_qwen_workspace.cli import main

main()
