"""`QwenWorkspaceBatch`: the service's Batch API, for what may be answered tomorrow at half the price."""

import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, Literal, TypeVar, cast, overload

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import Runnable, RunnableBinding

from langchain_qwen_workspace._batch_api.lines import ChatLines, EmbeddingLines, Lines
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._retrieval.inputs import describe_input
from langchain_qwen_workspace._seam import FilesTransport, Json, Request
from langchain_qwen_workspace._wire import batches as wire
from langchain_qwen_workspace.chat_models import ChatQwenWorkspace
from langchain_qwen_workspace.embeddings import QwenWorkspaceEmbeddings
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    InvalidRequestError,
    InvalidResponseError,
    QwenWorkspaceError,
    ServerError,
    UnsupportedInputError,
)

Output = TypeVar("Output")

BatchState = Literal[
    "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"
]
"""Where a batch is (Model Studio docs, Batch, 2026-08-17)."""

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
# "24h" to "336h", or whole days up to 14 (Model Studio docs, Batch, 2026-08-17).
_WINDOW = re.compile(r"(?P<hours>[0-9]{1,3})h|(?P<days>[0-9]{1,2})d")
_DAY_HOURS, _MAX_HOURS = 24, 336


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How far a batch has come.

    Attributes:
        id: The batch's id, by which any process with the workspace's key takes it up again.
        state: Where it is; new states of the service are passed on as they are.
        total: Its lines; 0 until they were counted.
        completed: Lines that were answered.
        failed: Lines that were not.
        errors: Why the whole batch failed, a sentence each.
        body: Everything that the service said.
    """

    id: str
    state: BatchState | str
    total: int
    completed: int
    failed: int
    errors: tuple[str, ...]
    body: Json

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in _ENDED


@dataclass(frozen=True, slots=True)
class BatchResult(Generic[Output]):
    """What became of one input.

    Attributes:
        custom_id: The id that it was submitted by.
        output: The message or the vector, `None` if it failed.
        error: Why it failed, as the error that a call would have raised.
        usage_metadata: The tokens of the answer, `None` if the service did not say.
    """

    custom_id: str
    output: Output | None
    error: QwenWorkspaceError | None
    usage_metadata: UsageMetadata | None


@dataclass(frozen=True, slots=True)
class BatchResults(Generic[Output]):
    """What became of a batch.

    Attributes:
        outputs: Messages or vectors by custom id.
        errors: Why the others failed, by custom id.
        unanswered: Lines that are in neither, where a batch was cut short or two lines have one id.
    """

    outputs: dict[str, Output]
    errors: dict[str, QwenWorkspaceError]
    unanswered: int


class QwenWorkspaceBatch(Generic[Output]):
    """Answers to many inputs, within a day or two and at half the price, by the service's Batch API.

    A batch is a file of requests that the service works off by itself. Nothing here has to keep running: the id that
    `submit` returns is all that another process needs to fetch the answers. Exists on the compatible protocol.
    Methods block; from a coroutine call them by `asyncio.to_thread`.

    Example:
        ```python
        from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceBatch

        batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", region="beijing"))
        batch_id = batch.submit({"q1": "Where is the West Lake?", "q2": "Where is the Bund?"})
        ...  # tomorrow, in another process
        batch.wait(batch_id)
        results = batch.results(batch_id)
        results.outputs["q1"].text, results.errors
        ```
    """

    @overload
    def __init__(
        self: "QwenWorkspaceBatch[AIMessage]",
        component: "ChatQwenWorkspace | Runnable[LanguageModelInput, AIMessage]",
        *,
        completion_window: str = ...,
        name: str | None = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: "QwenWorkspaceBatch[list[float]]",
        component: QwenWorkspaceEmbeddings,
        *,
        completion_window: str = ...,
        name: str | None = ...,
    ) -> None: ...

    def __init__(
        self,
        component: "ChatQwenWorkspace | QwenWorkspaceEmbeddings | Runnable[LanguageModelInput, AIMessage]",
        *,
        completion_window: str = "24h",
        name: str | None = None,
    ) -> None:
        """Say how inputs become requests.

        Args:
            component: The model whose settings and workspace are used: a chat model, also with tools or parameters
                bound to it, or embeddings.
            completion_window: How long the service may take: `"24h"` to `"336h"`, or `"1d"` to `"14d"`. What is not
                answered by then stays unanswered. Default: 24 hours.
            name: A name for the batches, shown in the console, and found again by `find`. Default: none.

        Raises:
            ConfigurationError: The component's protocol has no batches, or the window is none.
        """
        bound, options = (
            (component.bound, component.kwargs) if isinstance(component, RunnableBinding) else (component, {})
        )
        if isinstance(bound, ChatQwenWorkspace):
            lines: Lines[Any] = ChatLines(bound, options)
        elif isinstance(bound, QwenWorkspaceEmbeddings):
            lines = EmbeddingLines(bound)
        else:
            raise ConfigurationError(
                f"A batch is made of `ChatQwenWorkspace`, with or without `bind`, or of `QwenWorkspaceEmbeddings`, not "
                f"of {type(bound).__name__}."
            )
        if PROTOCOLS[bound.protocol].files is None:
            raise ConfigurationError(
                f'The Batch API exists only on the compatible protocol, and the model has `protocol="{bound.protocol}"`'
                ': use `protocol="openai"`.'
            )
        self._lines: Lines[Output] = lines
        self._window = _checked_window(completion_window)
        self._name = name
        self._component = bound
        self._workspace = bound.resolved_workspace()

    def submit(self, inputs: Mapping[str, Any] | Iterable[Any]) -> str:
        """Send a batch and return its id.

        All inputs are looked at and written to a file before anything is sent. The batch itself is asked for once:
        if the answer to that is lost, the batch is looked for by its file, so that none is worked off twice.

        Args:
            inputs: Texts for embeddings, or whatever the chat model's `invoke` takes, by ids of your own. Without ids
                (a list, a generator) their positions become their ids: `"0"`, `"1"`, …

        Raises:
            UnsupportedInputError: An input cannot be sent, or there are too many; nothing was sent.
            QwenWorkspaceError: The service refused, or was not reached. No batch was made, or its answer says which.
        """
        with tempfile.TemporaryFile() as file:
            route = self._write(inputs, file)
            file.seek(0)
            uploaded = self._transport().upload(self._request("/files", {"purpose": "batch"}), file, "batch.jsonl")
        body = {
            "input_file_id": _text(uploaded, "id", self._request("/files", {})),
            "endpoint": route,
            "completion_window": self._window,
            **({"metadata": {"ds_name": self._name}} if self._name else {}),
        }
        return self._create(self._request("/batches", body)).id

    def status(self, batch_id: str) -> BatchStatus:
        """Return how far a batch has come.

        Args:
            batch_id: What `submit` returned, in this process or in another.

        Raises:
            NotFoundError: The workspace has no such batch.
        """
        request = self._request(f"/batches/{_checked_id(batch_id)}", {}, method="GET")
        return _status(self._transport().send(request), request)

    def wait(self, batch_id: str, *, poll_interval: float = 60.0, timeout: float | None = None) -> BatchStatus:
        """Return when a batch has ended, however it did.

        Args:
            batch_id: What `submit` returned.
            poll_interval: Seconds between questions. Default: 60.
            timeout: Seconds to wait at most. Default: no limit.

        Raises:
            APITimeoutError: It has not ended in that time; it goes on all the same.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not (status := self.status(batch_id)).ended:
            left = poll_interval if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise APITimeoutError(
                    f"Batch {batch_id} is {status.state} after {timeout} seconds, and goes on: wait for it again.",
                    **self._request("", {}).error_context,
                )
            time.sleep(min(poll_interval, left))
        return status

    def results(self, batch_id: str) -> BatchResults[Output]:
        """Return what became of a batch that has ended, by custom id; failed lines apart.

        Raises:
            InvalidRequestError: The service refused the batch as a whole, or it has not ended.
        """
        status = self._ended(batch_id)
        outputs: dict[str, Output] = {}
        errors: dict[str, QwenWorkspaceError] = {}
        for result in self._results(status):
            if result.error is not None:
                errors[result.custom_id] = result.error
            else:
                outputs[result.custom_id] = cast("Output", result.output)
        return BatchResults(outputs, errors, max(status.total - len(outputs) - len(errors), 0))

    def lazy_results(self, batch_id: str) -> Iterator[BatchResult[Output]]:
        """Yield what became of each input of a batch that has ended, as it is read, in the service's order.

        Raises:
            InvalidRequestError: The service refused the batch as a whole, or it has not ended.
        """
        yield from self._results(self._ended(batch_id))

    def cancel(self, batch_id: str) -> BatchStatus:
        """Stop a batch; what was answered before can still be fetched, and is billed."""
        request = self._request(f"/batches/{_checked_id(batch_id)}/cancel", {})
        return _status(self._transport().send(request), request)

    def find(self, name: str) -> list[BatchStatus]:
        """Return the batches of this workspace whose name has `name` in it, the newest first, at most 100."""
        return self._list(ds_name=name, limit=100)

    def _list(self, **query: Any) -> list[BatchStatus]:
        request = self._request("/batches", {}, method="GET", query=query)
        answer = self._transport().send(request)
        return [_status(body, request) for body in _objects(answer.get("data"), "data", request)]

    def _write(self, inputs: Mapping[str, Any] | Iterable[Any], file: BinaryIO) -> str:
        """Write the requests, and return the endpoint that answers them."""
        if isinstance(inputs, str) or not isinstance(inputs, Iterable):
            raise UnsupportedInputError(f"The inputs are {describe_input(inputs)}. Expected a list or a mapping.")
        named = inputs.items() if isinstance(inputs, Mapping) else ((str(n), each) for n, each in enumerate(inputs))
        route, count = "", 0
        for custom_id, given in named:
            if not isinstance(custom_id, str) or not custom_id:
                raise UnsupportedInputError(f"The id {custom_id!r} is none. Expected a string that is not empty.")
            request = self._lines.request(given, f"Input {custom_id!r}")
            route = wire.route_of(request, self._lines.profile)
            line = _line(custom_id, request, route)
            count += 1
            _check_size(custom_id, len(line), count, file.tell())
            file.write(line)
        if not count:
            raise UnsupportedInputError("There are no inputs. Expected at least one.")
        return route

    def _create(self, request: Request) -> BatchStatus:
        try:
            return _status(self._transport().send_once(request), request)
        except (APIConnectionError, APITimeoutError, ServerError) as error:
            file_id = request.body["input_file_id"]
            try:
                listed = self._list(input_file_ids=file_id)
            except QwenWorkspaceError:
                listed = []
            if made := [status for status in listed if status.body.get("input_file_id") == file_id]:
                return made[0]
            error.message += (
                f" It is not known whether a batch was made of the file {file_id}: look for it by "
                "`find` or in the console before you submit again."
            )
            raise

    def _ended(self, batch_id: str) -> BatchStatus:
        status = self.status(batch_id)
        place = self._request("", {}).error_context
        if not status.ended:
            raise InvalidRequestError(
                f"Batch {batch_id} is {status.state}, {status.completed + status.failed} of {status.total} lines are "
                "answered. Call `wait` first.",
                **place,
            )
        if status.state == "failed":
            raise InvalidRequestError(
                f"Batch {batch_id} was refused: {' '.join(status.errors) or 'no reason'}", **place
            )
        return status

    def _results(self, status: BatchStatus) -> Iterator[BatchResult[Output]]:
        for name in ("output_file_id", "error_file_id"):
            if not (file_id := status.body.get(name)):
                continue
            request = self._request(f"/files/{file_id}/content", {"file_id": file_id})
            for line in self._transport().lines(request):
                yield self._result(line, request)

    def _result(self, line: bytes, request: Request) -> BatchResult[Output]:
        answered = wire.read_line(line, model=request.model, destination=request.destination)
        error = answered.error
        if answered.body is not None:
            try:
                output, usage = self._lines.read(answered.body)
            except QwenWorkspaceError as unreadable:
                error = unreadable
            else:
                return BatchResult(answered.custom_id, output, None, usage)
        return BatchResult(answered.custom_id, None, error, None)

    def _transport(self) -> FilesTransport:
        return cast("FilesTransport", self._component._bare_transport(self._workspace, "files"))  # noqa: SLF001 - ours

    def _request(self, path: str, body: Json, **how: Any) -> Request:
        return Request(path=path, body=body, model=self._lines.model, destination=self._lines.destination, **how)


def _line(custom_id: str, request: Request, route: str) -> bytes:
    try:
        return wire.write_line(custom_id, request, route)
    except (TypeError, ValueError) as error:
        raise UnsupportedInputError(f"Input {custom_id!r} cannot be written as JSON in UTF-8: {error}") from error


def _checked_window(window: object) -> str:
    match = _WINDOW.fullmatch(window) if isinstance(window, str) else None
    hours = int(match["hours"] or int(match["days"]) * _DAY_HOURS) if match else 0
    if not isinstance(window, str) or not _DAY_HOURS <= hours <= _MAX_HOURS:
        raise ConfigurationError(
            f'`completion_window` is {window!r}. Expected `"24h"` to `"336h"`, or `"1d"` to `"14d"`.'
        )
    return window


def _checked_id(batch_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", batch_id):
        raise ConfigurationError(f"The batch id {batch_id!r} is none. Expected what `submit` returned (`batch_…`).")
    return batch_id


def _check_size(custom_id: str, size: int, count: int, before: int) -> None:
    for what, amount, limit in (
        ("bytes in one line", size, wire.MAX_LINE_BYTES),
        ("inputs", count, wire.MAX_LINES),
        ("bytes", before + size, wire.MAX_FILE_BYTES),
    ):
        if amount > limit:
            raise UnsupportedInputError(
                f"With input {custom_id!r} the batch has {amount} {what}; the service takes {limit}. Nothing was sent: "
                "submit several batches."
            )


def _status(body: Json, request: Request) -> BatchStatus:
    (counts,) = _objects([body.get("request_counts") or {}], "request_counts", request)
    (errors,) = _objects([body.get("errors") or {}], "errors", request)
    return BatchStatus(
        id=_text(body, "id", request),
        state=_text(body, "status", request),
        total=_count(counts, "total", request),
        completed=_count(counts, "completed", request),
        failed=_count(counts, "failed", request),
        errors=tuple(_told(error) for error in _objects(errors.get("data"), "errors", request)),
        body=body,
    )


def _objects(rows: Any, name: str, request: Request) -> list[Json]:
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidResponseError(f"The answer has {rows!r:.200} as its `{name}`.", **request.error_context)
    return rows


def _count(counts: Json, name: str, request: Request) -> int:
    count = counts.get(name) or 0
    if not isinstance(count, int):
        raise InvalidResponseError(f"The answer has {count!r:.200} as its count of `{name}`.", **request.error_context)
    return count


def _told(error: Json) -> str:
    where = f" (line {error['line']})" if error.get("line") is not None else ""
    return f"{error.get('code')}: {error.get('message')}{where}"


def _text(body: Json, name: str, request: Request) -> str:
    if not isinstance(value := body.get(name), str):
        raise InvalidResponseError(
            f"The answer has {value!r} as its `{name}`.", request_id=body.get("request_id"), **request.error_context
        )
    return value
