"""The wire of a throw-away protocol: texts in, upper case out. It shows that a protocol is such a file and one row."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_qwen_workspace._seam import ChatCall, Json, Request


def must_stream(call: ChatCall) -> bool:
    """Return whether the service refuses the call unless it is streamed."""
    return call.model.endswith("stream-only")


def encode(call: ChatCall) -> Request:
    """Return the request for a call."""
    body = {"say": [message.text for message in call.messages], "pieces": call.stream}
    return Request(path="/upper", body=body, model=call.model, destination=call.destination, stream=call.stream)


def _metadata(request: Request) -> Json:
    return {"model_provider": "qwen_workspace", "protocol": request.destination.protocol}


def decode(body: Json, request: Request) -> ChatResult:
    """Return the result for a whole response."""
    message = AIMessage(content=body["said"], response_metadata=_metadata(request))
    return ChatResult(generations=[ChatGeneration(message=message)])


class _Decoder:
    def __init__(self, request: Request) -> None:
        self._request = request

    def feed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        return [ChatGenerationChunk(message=AIMessageChunk(content=event["piece"]))]

    def finish(self) -> Sequence[ChatGenerationChunk]:
        last = AIMessageChunk(content="", response_metadata=_metadata(self._request), chunk_position="last")
        return [ChatGenerationChunk(message=last, generation_info={"finish_reason": "stop"})]


def decoder(request: Request) -> _Decoder:
    """Return a new decoder for one stream."""
    return _Decoder(request)
