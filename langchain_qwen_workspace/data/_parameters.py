"""Dated facts about the parameters of chat calls that do not depend on the model."""

from datetime import date

PARAMETERS_AS_OF = date(2026, 8, 18)
"""The date of Model Studio's page of error codes, from which the ranges are ("Temperature should be in [0.0, 2.0)")."""

REASONING_EFFORTS = ("none", "off", "minimal", "low", "medium", "high", "xhigh", "max")
"""The levels of all models, of which some stand for others (docs, deep thinking, 2026-11). A model may have fewer."""

REASONING_FIELDS = ("encrypted_content",)
"""What a message has beside its reasoning that belongs to it: the ciphertext (docs, thinking summary, 2026-11-16)."""
