"""Parts of the chat model: its parameters, tools, structured output, content blocks and tenant."""
