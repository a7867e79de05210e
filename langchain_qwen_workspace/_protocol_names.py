"""The names of the protocols, for type checkers; at run time the registry (`_protocols`) decides what a name may be."""

from typing import Literal, TypeAlias

ProtocolName: TypeAlias = Literal["openai", "dashscope", "responses"]
"""The protocols by which Model Studio is called."""

ProtocolArgument: TypeAlias = ProtocolName | Literal["native"] | str  # noqa: PYI051 - editors complete the names
"""What may be given as a protocol: a name, or the dashscope SDK's own word for its protocol.

`str`, since a name often comes from a setting, or from a loop over several, which mypy takes for texts.
"""
