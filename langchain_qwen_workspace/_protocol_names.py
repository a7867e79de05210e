"""The names of the protocols, for type checkers; at run time the registry (`_protocols`) decides what a name may be."""

from typing import Literal, TypeAlias

ProtocolName: TypeAlias = Literal["openai", "dashscope"]
"""The protocols by which Model Studio is called."""
