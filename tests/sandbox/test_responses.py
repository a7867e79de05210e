"""The Responses protocol, as the raw `openai` SDK sees it."""

from __future__ import annotations

import openai

from tests.sandbox.support import HELLO_ANSWER


def test_a_text_is_answered(openai_client: openai.OpenAI) -> None:
    assert openai_client.responses.create(model="qwen-plus", input="Hello").output_text == HELLO_ANSWER


def test_the_stream_helper_returns_the_same_answer(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="qwen-plus", input="Hello") as stream:
        assert stream.get_final_response().output_text == HELLO_ANSWER
