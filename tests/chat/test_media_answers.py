"""Images, recognised text and speech in answers: kept in full, as content blocks, and never sent back as media."""

import base64

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_qwen_workspace._seam import Json
from tests.support.protocols import DASHSCOPE, ProtocolStub
from tests.support.server import Server, json_reply
from tests.support.ways import sum_chunks

URL = "https://example.com/"
SEES, HEARS = "qwen3.7-plus", "qwen3.5-omni-plus"

# Recorded 2025, qwen-vl-ocr-latest, advanced recognition; shortened.
OCR = {"ocr_result": {"words_info": [{"location": [24, 936], "text": "Bonjour!"}]}, "text": "```json\n[]\n```"}


def test_an_ocr_result_is_kept_beside_its_text(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer_with({"content": [OCR]}), stub.stream_of([{"content": [OCR]}]))
    llm = stub.llm(server, model="qwen-vl-ocr")

    for answer in (llm.invoke("Read it."), sum_chunks(list(llm.stream("Read it.")))):
        assert answer.content == OCR["text"]
        assert answer.additional_kwargs["content_parts"] == [{"ocr_result": OCR["ocr_result"]}]
        assert [dict(block) for block in answer.content_blocks] == [
            {"type": "text", "text": OCR["text"]},
            {"type": "non_standard", "value": {"ocr_result": OCR["ocr_result"]}},
        ]


# Recorded 2026-06, qwen-image-max; shortened.
DRAWN = {
    "output": {
        "choices": [
            {"finish_reason": "stop", "message": {"role": "assistant", "content": [{"image": URL + "drawn.png"}]}}
        ]
    },
    "usage": {"height": 928, "image_count": 1, "width": 1664},
    "request_id": "req-body",
}


def test_an_image_answer_is_an_image_block(server: Server) -> None:
    server.script(json_reply(DRAWN))

    answer = DASHSCOPE.llm(server, model="qwen-image-max", base_model="qwen3-vl-plus").invoke("Draw a street.")

    assert answer.content == ""
    assert answer.additional_kwargs["content_parts"] == [{"image": URL + "drawn.png"}]
    assert answer.content_blocks == [{"type": "image", "url": URL + "drawn.png"}]
    assert answer.usage_metadata is None
    assert answer.response_metadata["token_usage"]["image_count"] == 1


# Model Studio docs, Qwen-Omni, 2026-09: pieces of base64 that are read together, then an end.
SPEECH = base64.b64encode(bytes(range(90))).decode()
SPOKEN: list[Json] = [
    {"content": "", "audio": {"transcript": "Hel"}},
    {"content": "", "audio": {"transcript": "lo."}},
    *({"content": "", "audio": {"data": SPEECH[start : start + 40]}} for start in range(0, len(SPEECH), 40)),
    {"content": "", "audio": {"id": "audio_1", "expires_at": 1764763585}},
]
SPEECH_BLOCK = {
    "type": "audio",
    "base64": SPEECH,
    "mime_type": "audio/pcm",
    "extras": {"transcript": "Hello."},
}


SPEAKS: Json = {"model": HEARS, "modalities": ["text", "audio"], "audio": {"voice": "Cherry", "format": "wav"}}


def test_speech_is_joined_in_additional_kwargs(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream_of(SPOKEN), stub.stream_of(SPOKEN))
    llm = stub.llm(server, **SPEAKS)

    for answer in (llm.invoke("Say hello."), sum_chunks(list(llm.stream("Say hello.")))):
        speech = answer.additional_kwargs["audio"]
        assert base64.b64decode(speech["data"]) == bytes(range(90))
        assert (speech["transcript"], speech["id"], speech["expires_at"]) == ("Hello.", "audio_1", 1764763585)
    # The model speaks only while it streams.
    assert [body.get("stream") or body["parameters"]["incremental_output"] for body in server.bodies] == [True, True]


def test_speech_of_invoke_is_a_content_block(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream_of(SPOKEN))

    assert stub.llm(server, **SPEAKS).invoke("Say hello.").content_blocks == [SPEECH_BLOCK]


def test_speech_with_a_riff_header_is_a_wav_block(server: Server, stub: ProtocolStub) -> None:
    """The documentation's examples get raw PCM although they ask for "wav", so that only a header says it is a file."""
    riff = base64.b64encode(b"RIFF" + bytes(40)).decode()
    server.script(stub.stream_of([{"content": "", "audio": {"data": riff}}]))

    [block] = sum_chunks(list(stub.llm(server, **SPEAKS).stream("Say hello."))).content_blocks

    assert block == {"type": "audio", "base64": riff, "mime_type": "audio/wav"}


def test_streamed_speech_is_the_same_content_block(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream_of(SPOKEN))

    assert sum_chunks(list(stub.llm(server, **SPEAKS).stream("Say hello."))).content_blocks == [SPEECH_BLOCK]


def test_streamed_speech_beside_text_is_the_same_content_block(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream_of([{"content": "Hello."}, *SPOKEN]))

    answer = sum_chunks(list(stub.llm(server, **SPEAKS).stream("Say hello.")))

    assert answer.content_blocks == [{"type": "text", "text": "Hello."}, SPEECH_BLOCK]


def test_speech_in_v1_content_is_one_block(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream_of([{"content": "Hello."}, *SPOKEN]))

    answer = sum_chunks(list(stub.llm(server, **SPEAKS, output_version="v1").stream("Say hello.")))

    assert [block["base64"] for block in answer.content_blocks if block["type"] == "audio"] == [SPEECH]


def test_speech_in_v1_content_has_its_mime_type(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream_of([{"content": "Hello."}, *SPOKEN]))

    answer = sum_chunks(list(stub.llm(server, **SPEAKS, output_version="v1").stream("Say hello.")))

    assert [block.get("mime_type") for block in answer.content_blocks if block["type"] == "audio"] == ["audio/pcm"]


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_speech_is_sent_back_as_its_transcript(server: Server, stub: ProtocolStub, version: str) -> None:
    server.script(stub.stream_of(SPOKEN), stub.stream_of(SPOKEN))
    llm = stub.llm(server, **SPEAKS, output_version=version)

    turn = llm.invoke("Say hello.")
    llm.invoke([HumanMessage("Say hello."), turn, HumanMessage("Again.")])

    assert stub.messages_sent(server)[1]["content"] == ([{"text": "Hello."}] if stub.is_dashscope else "Hello.")


@pytest.mark.parametrize("model", [SEES, "qwen-plus"])
def test_a_sentence_is_sent_back_for_media_of_an_answer(server: Server, stub: ProtocolStub, model: str) -> None:
    turn = AIMessage(
        [
            {"type": "text", "text": "Here it is."},
            {"type": "image", "url": URL + "drawn.png"},
            {"type": "audio", "base64": "AAAA", "mime_type": "audio/pcm"},
        ],
        response_metadata={"model_provider": "google_genai", "output_version": "v1"},
    )

    server.default = stub.reply_to
    stub.llm(server, model=model).invoke([HumanMessage("Draw."), turn, HumanMessage("Thanks.")])

    multimodal = stub.is_dashscope and model == SEES
    texts = ["Here it is.", f"[Here was an image, which cannot be sent to this model. Its URL: {URL}drawn.png]"]
    assert stub.messages_sent(server)[1] == {
        "role": "assistant",
        "content": [{"text": text} for text in texts] if multimodal else "\n".join(texts),
    }
