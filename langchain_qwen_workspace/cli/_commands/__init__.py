"""The subcommands of `qwen-workspace`, one module for each; `cli._app` registers them."""
