"""The golden table: conversations and answers in LangChain's types and on each protocol.

Every row was typed in from Model Studio's documentation or from recordings of the live service, shortened, with the
date in `source`. None was produced by this package. A further protocol is one more entry in the `exchanges` of a row.
"""

from tests.wire.golden import calls, counts, history, plain, responses, thinking
from tests.wire.golden._row import COMPLETION_ID, REQUEST_ID, RESPONSE_ID, Facts, Json, Row

ROWS: tuple[Row, ...] = (*plain.ROWS, *calls.ROWS, *thinking.ROWS, *history.ROWS, *counts.ROWS, *responses.ROWS)

__all__ = ["COMPLETION_ID", "REQUEST_ID", "RESPONSE_ID", "ROWS", "Facts", "Json", "Row"]
