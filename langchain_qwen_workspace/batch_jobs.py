"""`QwenWorkspaceBatch`: the service's Batch API, for requests that can wait up to 14 days, at half price."""

import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, TypeVar, cast, overload

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import Runnable, RunnableBinding

from langchain_qwen_workspace._batch_api.lines import ChatLineCodec, EmbeddingLineCodec, LineCodec
from langchain_qwen_workspace._batch_api.status import BatchState, BatchStatus, read_file_id, read_objects, read_status
from langchain_qwen_workspace._progress import check_can_show, progress_bar
from langchain_qwen_workspace._protocols import check_has_files
from langchain_qwen_workspace._retrieval.inputs import describe_input
from langchain_qwen_workspace._seam import FilesTransport, Json, Request
from langchain_qwen_workspace._usage.events import USAGE_EVENT, failure_event, manager_for, usage_event
from langchain_qwen_workspace._wire import batches as wire
from langchain_qwen_workspace.chat_models import ChatQwenWorkspace
from langchain_qwen_workspace.embeddings import QwenWorkspaceEmbeddings
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    InvalidRequestError,
    QwenWorkspaceError,
    ServerError,
    UnsupportedInputError,
)

__all__ = ["BatchResult", "BatchResults", "BatchState", "BatchStatus", "QwenWorkspaceBatch"]

Output = TypeVar("Output")

# "24h" to "336h", or whole days up to 14 (Model Studio docs, Batch, 2026-08-17).
_WINDOW = re.compile(r"(?P<hours>[0-9]{1,3})h|(?P<days>[0-9]{1,2})d")
_HOURS_PER_DAY, _MAX_HOURS = 24, 336


@dataclass(frozen=True, slots=True)
class BatchResult(Generic[Output]):
    """The result of one input.

    Attributes:
        custom_id: The id that the input was submitted with.
        output: The message or the vector, `None` if the input failed.
        error: Why it failed, as the error that a call would have raised; `None` if it did not fail.
        usage_metadata: The tokens that the answer used, `None` if the service did not report them.
    """

    custom_id: str
    output: Output | None
    error: QwenWorkspaceError | None
    usage_metadata: UsageMetadata | None


@dataclass(frozen=True, slots=True)
class BatchResults(Generic[Output]):
    """The results of a batch.

    Attributes:
        outputs: The messages or vectors, by custom id.
        errors: Why the other inputs failed, by custom id.
        unanswered: The number of lines that are in neither, because the batch expired or was cancelled, or because two
            lines have the same id.
    """

    outputs: dict[str, Output]
    errors: dict[str, QwenWorkspaceError]
    unanswered: int


class QwenWorkspaceBatch(Generic[Output]):
    """Answers many inputs within hours or days, at half price, with the service's Batch API.

    A batch is a file of requests that the service processes on its own. No process has to keep running: the id that
    `submit` returns is all that another process needs to fetch the results. The Batch API exists only with
    `protocol="openai"`. All methods block; in a coroutine, call them with `asyncio.to_thread`.

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
        """Create batches for one component.

        Args:
            component: The model whose settings and workspace are used: a chat model, also with tools or parameters
                bound to it, or embeddings.
            completion_window: How long the service may take: `"24h"` to `"336h"`, or `"1d"` to `"14d"`. Inputs that
                are not answered by then stay unanswered. Default: 24 hours.
            name: A name for the batches, which the console shows and `find` searches. Default: none.

        Raises:
            ConfigurationError: The component's protocol has no Batch API, or the window is not valid.
        """
        bound, options = (
            (component.bound, component.kwargs) if isinstance(component, RunnableBinding) else (component, {})
        )
        if isinstance(bound, ChatQwenWorkspace):
            codec: LineCodec[Any] = ChatLineCodec(bound, options)
        elif isinstance(bound, QwenWorkspaceEmbeddings):
            codec = EmbeddingLineCodec(bound)
        else:
            raise ConfigurationError(
                f"A batch cannot be made of {type(bound).__name__}. Expected a `ChatQwenWorkspace`, with or without "
                "`bind`, or a `QwenWorkspaceEmbeddings`."
            )
        check_has_files(bound.protocol)
        self._codec: LineCodec[Output] = codec
        self._window = _validate_window(completion_window)
        self._name = name
        self._component = bound
        self._workspace = bound.resolved_workspace()

    def submit(self, inputs: Mapping[str, Any] | Iterable[Any]) -> str:
        """Submit a batch and return its id.

        All inputs are checked and written to a temporary file before anything is sent. The request that creates the
        batch is sent once: if its response is lost, the batch is looked up by its file, so that no batch is processed
        twice.

        Args:
            inputs: Texts for embeddings, or whatever the chat model's `invoke` takes, by ids of your own. Without ids
                (a list, a generator) their positions become their ids: `"0"`, `"1"`, …

        Raises:
            UnsupportedInputError: An input cannot be sent, or there are more than the service takes (50,000 inputs,
                6 MiB for one, 500 MiB together); nothing was sent.
            QwenWorkspaceError: The service refused the batch or was not reached. If it is not known whether a batch
                was created, the message says so.
        """
        with tempfile.TemporaryFile() as file:
            route = self._write_lines(inputs, file)
            file.seek(0)
            uploaded = self._transport().upload(self._request("/files", {"purpose": "batch"}), file, "batch.jsonl")
        body = {
            "input_file_id": read_file_id(uploaded, "id", self._request("/files", {})),
            "endpoint": route,
            "completion_window": self._window,
            **({"metadata": {"ds_name": self._name}} if self._name else {}),
        }
        return self._create(self._request("/batches", body)).id

    def status(self, batch_id: str) -> BatchStatus:
        """Return the progress of a batch.

        Args:
            batch_id: The id that `submit` returned, in this process or in another.

        Raises:
            NotFoundError: The workspace has no such batch.
        """
        request = self._request(f"/batches/{_validate_batch_id(batch_id)}", {}, method="GET")
        return read_status(self._transport().send(request), request)

    def wait(
        self,
        batch_id: str,
        *,
        poll_interval: float = 60.0,
        timeout: float | None = None,
        show_progress_bar: bool = False,
    ) -> BatchStatus:
        """Wait until a batch has completed, failed, expired or been cancelled, and return its status.

        Args:
            batch_id: The id that `submit` returned.
            poll_interval: Seconds between two status requests. Default: 60.
            timeout: Seconds to wait at most. Default: no limit.
            show_progress_bar: Whether to show how many lines are answered, in a `tqdm` bar; needs the extra `progress`.
                Default: no.

        Raises:
            ConfigurationError: `show_progress_bar` is true and `tqdm` is not installed.
            APITimeoutError: The batch has not ended in that time; the service continues to process it.
        """
        if show_progress_bar:
            check_can_show()
        deadline = None if timeout is None else time.monotonic() + timeout
        with progress_bar(None, batch_id, "lines", shown=show_progress_bar) as bar:
            while True:
                status = self.status(batch_id)
                bar.total = status.total or None
                bar.update(status.completed + status.failed - bar.n)
                if status.has_ended:
                    return status
                remaining = poll_interval if deadline is None else deadline - time.monotonic()
                if remaining <= 0:
                    raise APITimeoutError(
                        f"Batch {batch_id} is {status.state} after {timeout} seconds. The service continues to process "
                        "it: call `wait` again.",
                        **self._request("", {}).error_context,
                    )
                time.sleep(min(poll_interval, remaining))

    def results(self, batch_id: str) -> BatchResults[Output]:
        """Return the results of a batch that has ended: outputs and errors by custom id.

        Raises:
            InvalidRequestError: The service refused the batch as a whole, or it has not ended.
        """
        status = self._ended_status(batch_id)
        outputs: dict[str, Output] = {}
        errors: dict[str, QwenWorkspaceError] = {}
        for result in self._iter_results(status):
            if result.error is not None:
                errors[result.custom_id] = result.error
            else:
                outputs[result.custom_id] = cast("Output", result.output)
        return BatchResults(outputs, errors, max(status.total - len(outputs) - len(errors), 0))

    def lazy_results(self, batch_id: str) -> Iterator[BatchResult[Output]]:
        """Yield the result of each input of a batch that has ended, while the files arrive, in the service's order.

        Raises:
            InvalidRequestError: The service refused the batch as a whole, or it has not ended.
        """
        yield from self._iter_results(self._ended_status(batch_id))

    def cancel(self, batch_id: str) -> BatchStatus:
        """Cancel a batch, and return its status; the answers that it already has are billed and can be fetched."""
        request = self._request(f"/batches/{_validate_batch_id(batch_id)}/cancel", {})
        return read_status(self._transport().send(request), request)

    def find(self, name: str) -> list[BatchStatus]:
        """Return the workspace's batches whose name contains `name`, the newest first, at most 100."""
        return self._list(ds_name=name, limit=100)

    def _list(self, **query: Any) -> list[BatchStatus]:
        request = self._request("/batches", {}, method="GET", query=query)
        response = self._transport().send(request)
        return [read_status(body, request) for body in read_objects(response.get("data"), "data", request)]

    def _write_lines(self, inputs: Mapping[str, Any] | Iterable[Any], file: BinaryIO) -> str:
        """Write the requests to a file, and return the endpoint that answers them."""
        if isinstance(inputs, str) or not isinstance(inputs, Iterable):
            raise UnsupportedInputError(f"The inputs are {describe_input(inputs)}. Expected a list or a mapping.")
        by_id = inputs.items() if isinstance(inputs, Mapping) else ((str(n), value) for n, value in enumerate(inputs))
        route, count = "", 0
        for custom_id, value in by_id:
            if not isinstance(custom_id, str) or not custom_id:
                raise UnsupportedInputError(
                    f"Batch input id {custom_id!r} is not a valid id; expected a non-empty string."
                )
            request = self._codec.encode(value, f"Input {custom_id!r}")
            route = wire.route_of(request, self._codec.profile)
            line = _encode_line(custom_id, request, route)
            count += 1
            _check_size(custom_id, len(line), count, file.tell())
            file.write(line)
        if not count:
            raise UnsupportedInputError("There are no inputs. Expected at least one.")
        return route

    def _create(self, request: Request) -> BatchStatus:
        try:
            return read_status(self._transport().send_once(request), request)
        except (APIConnectionError, APITimeoutError, ServerError) as error:
            file_id = request.body["input_file_id"]
            try:
                batches = self._list(input_file_ids=file_id)
            except QwenWorkspaceError:
                batches = []
            if created := [status for status in batches if status.body.get("input_file_id") == file_id]:
                return created[0]
            error.message += (
                f" It is not known whether a batch was created from file {file_id}: look for it with `find` or in the "
                "console before you submit again."
            )
            raise

    def _ended_status(self, batch_id: str) -> BatchStatus:
        status = self.status(batch_id)
        error_context = self._request("", {}).error_context
        if not status.has_ended:
            raise InvalidRequestError(
                f"Batch {batch_id} is {status.state}: {status.completed + status.failed} of {status.total} lines are "
                "answered. Call `wait` first.",
                **error_context,
            )
        if status.state == "failed":
            reasons = " ".join(status.errors) or "the service gave no reason."
            raise InvalidRequestError(f"Batch {batch_id} was refused: {reasons}", **error_context)
        return status

    def _iter_results(self, status: BatchStatus) -> Iterator[BatchResult[Output]]:
        for name in ("output_file_id", "error_file_id"):
            if not status.body.get(name):
                continue
            file_id = read_file_id(status.body, name, self._request("", {}))
            request = self._request(f"/files/{file_id}/content", {"file_id": file_id})
            for line in self._transport().lines(request):
                yield self._decode_line(line, request, status.id)

    def _decode_line(self, line: bytes, request: Request, batch_id: str) -> BatchResult[Output]:
        answered = wire.read_line(line, model=request.model, destination=request.destination)
        result = self._read_answer(answered)
        called = (self._codec.operation, request.model, request.destination)
        line_id = f"{batch_id}/{result.custom_id}"
        if result.error is None:
            request_id = (answered.body or {}).get("request_id")
            event = usage_event(*called, result.usage_metadata, request_id, batch_line=line_id)
        else:
            event = failure_event(*called, result.error, batch_line=line_id)
        manager_for(self._component.callbacks).on_custom_event(USAGE_EVENT, event)
        return result

    def _read_answer(self, answered: wire.ResultLine) -> BatchResult[Output]:
        error = answered.error
        if answered.body is not None:
            try:
                output, usage = self._codec.decode(answered.body)
            except QwenWorkspaceError as malformed:
                error = malformed
            else:
                return BatchResult(answered.custom_id, output, None, usage)
        return BatchResult(answered.custom_id, None, error, None)

    def _transport(self) -> FilesTransport:
        return self._component._files_transport(self._workspace)  # noqa: SLF001 - ours

    def _request(self, path: str, body: Json, **options: Any) -> Request:
        return Request(path=path, body=body, model=self._codec.model, destination=self._codec.destination, **options)


def _encode_line(custom_id: str, request: Request, route: str) -> bytes:
    try:
        return wire.write_line(custom_id, request, route)
    except (TypeError, ValueError) as error:
        raise UnsupportedInputError(f"Input {custom_id!r} cannot be written as JSON in UTF-8: {error}") from error


def _validate_window(window: object) -> str:
    match = _WINDOW.fullmatch(window) if isinstance(window, str) else None
    hours = int(match["hours"] or int(match["days"]) * _HOURS_PER_DAY) if match else 0
    if not isinstance(window, str) or not _HOURS_PER_DAY <= hours <= _MAX_HOURS:
        raise ConfigurationError(
            f'`completion_window` is {window!r}. Expected `"24h"` to `"336h"`, or `"1d"` to `"14d"`.'
        )
    return window


def _validate_batch_id(batch_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", batch_id):
        raise ConfigurationError(
            f"{batch_id!r} is not a valid batch id. Expected the id that `submit` returned (`batch_…`)."
        )
    return batch_id


def _check_size(custom_id: str, line_bytes: int, count: int, bytes_before: int) -> None:
    for what, amount, limit, remedy in (
        ("bytes in one line", line_bytes, wire.MAX_LINE_BYTES, "shorten this input"),
        ("inputs", count, wire.MAX_LINES, "submit several batches"),
        ("bytes", bytes_before + line_bytes, wire.MAX_FILE_BYTES, "submit several batches"),
    ):
        if amount > limit:
            raise UnsupportedInputError(
                f"With input {custom_id!r} the batch has {amount} {what}; the service accepts at most {limit}. Nothing "
                f"was sent: {remedy}."
            )
