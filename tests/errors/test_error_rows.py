"""Every row of the service's error pages that a call can meet: class, facts, what to do, and whether it is sent again.

Model Studio docs, error codes, 2026-08-18, told by the sandbox on both wires. Messages without a text of their own
here are the sandbox's, which has them from the same page.
"""

import asyncio
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from langchain_qwen_workspace import (
    APITimeoutError,
    AuthenticationError,
    BillingError,
    ChatQwenWorkspace,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace._seam import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox, SandboxWorkspace

CHAT = ("invoke", "ainvoke", "stream", "astream")
EMBED = ("embed",)
ALL = (*CHAT, *EMBED, "arerank")
MODELS = {"chat": "qwen-plus", "embed": "text-embedding-v4", "rerank": "qwen3-rerank"}
RETRIES = 2
ONCE, AGAIN = 1, RETRIES + 1


@dataclass(frozen=True)
class Row:
    """What the service says, by its code on each wire, and what becomes of it."""

    native: str
    compatible: str
    status: int
    kind: type[QwenWorkspaceError]
    hints: tuple[str, ...]
    message: str | None = None
    sent: int = ONCE
    ways: tuple[str, ...] = ALL

    def __str__(self) -> str:
        return f"{self.status} {self.native or 'no code'} {(self.message or '')[:40]}".strip()

    @property
    def asked(self) -> dict[str, Any]:
        """What the sandbox is told; a code alone has its own status and text there."""
        told: dict[str, Any] = {"code": self.native}
        return told | {"message": self.message, "status": self.status} if self.message else told


Kind = type[QwenWorkspaceError]


def coded(code: str, status: int, kind: Kind, *hints: str, compatible: str | None = None, sent: int = ONCE) -> Row:
    """Return a row that its code tells, by default the same on both wires."""
    return Row(code, compatible or code, status, kind, hints, sent=sent)


def codeless(message: str, status: int, kind: Kind, *hints: str, sent: int = ONCE) -> Row:
    return Row("", "", status, kind, hints, message, sent)


def told(code: str, message: str, kind: Kind, *hints: str, ways: tuple[str, ...] = ALL, sent: int = ONCE) -> Row:
    """Return a row whose text says more than its code."""
    status, compatible = CODES[code]
    return Row(code, compatible, status, kind, hints, message, sent, ways)


CODES = {
    "AccessDenied": (403, "access_denied"),
    "ModelNotFound": (404, "model_not_found"),
    "ModelNotSupported": (404, "model_not_supported"),
    "Throttling.AllocationQuota": (429, "insufficient_quota"),
    "InvalidParameter": (400, "invalid_parameter_error"),
    "InternalError.Algo.InvalidParameter": (400, "invalid_parameter_error"),
    "InternalError.Algo": (500, "internal_error"),
}
INVALID, ALGO, ALGO_500 = "InvalidParameter", "InternalError.Algo.InvalidParameter", "InternalError.Algo"
QUOTA = "Throttling.AllocationQuota"

_REGION = ("{region}", "`region=`", "DASHSCOPE_REGION")
_WORKSPACE_ID = ("{workspace}", "`workspace_id=`", "DASHSCOPE_WORKSPACE", "{region}")
_GRANTED = ("{model} is not granted to workspace {workspace}", "super administrator", "({region})")
_NO_MEMBER = "Access denied: Either you are not authorized to access this workspace, or the workspace does not exist."
_NOT_BOUGHT = "The product is not activated, please confirm that you have activated products and try again."
ACCESS = [
    coded("InvalidApiKey", 401, AuthenticationError, *_REGION, "plan", compatible="invalid_api_key"),
    codeless("You didn't provide an API key. You need", 401, AuthenticationError, "`api_key=`", "DASHSCOPE_API_KEY"),
    coded("NOT AUTHORIZED", 401, AuthenticationError, *_WORKSPACE_ID),
    codeless(_NO_MEMBER, 401, AuthenticationError, *_WORKSPACE_ID),
    codeless("invalid access token or token expired.", 401, AuthenticationError, "another plan", "`base_url`"),
    coded("AccessDenied", 403, PermissionDeniedError, "{model}", "retired", "{region}", compatible="access_denied"),
    told("AccessDenied", "Current user api does not support asynchronous calls.", PermissionDeniedError, "headers"),
    coded("AccessDenied.Unpurchased", 403, BillingError, "not activated", "{region}"),
    coded("Model.AccessDenied", 403, PermissionDeniedError, *_GRANTED),
    codeless("Model access denied.", 403, PermissionDeniedError, *_GRANTED),
    coded("Workspace.AccessDenied", 403, PermissionDeniedError, "workspace {workspace} in {region}", "`api_key`"),
    coded("App.AccessDenied", 403, PermissionDeniedError, "workspace {workspace} in {region}"),
    coded("Endpoint.AccessDenied", 403, PermissionDeniedError, "{workspace}", "only that workspace's keys", "retired"),
    told("AccessDenied", "Workspace endpoint access denied.", PermissionDeniedError, "only that workspace's keys"),
    coded("ModelNotFound", 404, NotFoundError, "{model}", "{region}", "retired", compatible="model_not_found"),
    told("ModelNotFound", "The provided model x is not supported by the Batch API.", NotFoundError, "Batch", "{model}"),
    told(INVALID, "Model not exist.", NotFoundError, "{model}", "{region}"),
    told("ModelNotSupported", "Unsupported model x for OpenAI compatibility mode.", NotFoundError, '"dashscope"'),
    coded("WorkSpaceNotFound", 404, NotFoundError, *_WORKSPACE_ID),
    coded("NotFound", 404, NotFoundError, "`base_url`", "the other protocol's"),
]
BILLING = [
    coded("Arrearage", 400, BillingError, "Alibaba Cloud account"),
    coded("PrepaidBillOverdue", 429, BillingError, "overdue bill"),
    coded("PostpaidBillOverdue", 429, BillingError, "overdue bill"),
    coded("CommodityNotPurchased", 429, BillingError, "not activated", "{region}"),
    coded("AllocationQuota.FreeTierOnly", 403, BillingError, "free tier of {model}", "{region}"),
    told(QUOTA, "Free allocated quota exceeded.", BillingError, "free tier of {model}"),
    told(QUOTA, "month allocated quota exceeded.", BillingError, "plan's quota"),
    told(INVALID, _NOT_BOUGHT, BillingError, "{model} is not activated", "{region}"),
]
_BATCH = "Too many requests. Batch requests are being throttled due to system capacity limits."
LIMITS = [
    coded("Throttling", 429, RateLimitError, "per minute", sent=AGAIN),
    coded("Throttling.RateQuota", 429, RateLimitError, "per minute", compatible="limit_requests", sent=AGAIN),
    coded("LimitRequests", 429, RateLimitError, "per minute", compatible="limit_requests", sent=AGAIN),
    coded("ResourceExhausted", 429, RateLimitError, "per minute", compatible="limit_requests", sent=AGAIN),
    coded("Throttling.BurstRate", 429, RateLimitError, "slower", compatible="limit_burst_rate", sent=AGAIN),
    coded(QUOTA, 429, RateLimitError, "per minute", compatible="insufficient_quota", sent=AGAIN),
    coded("Throttling.Concurrency", 429, RateLimitError, "`max_concurrency`", sent=AGAIN),
    codeless(_BATCH, 429, RateLimitError, "Batch API", sent=AGAIN),
    coded("ModelServingError", 503, ServerError, "capacity", sent=AGAIN),
    coded("ModelUnavailable", 503, ServerError, "capacity", sent=AGAIN),
    # HTTP 400, which no SDK sends again by itself.
    codeless("No backend server available", 400, ServerError, "{model}", "try again", sent=AGAIN),
    told(INVALID, "File parsing in progress, please try again later.", ServerError, "a minute", sent=AGAIN, ways=CHAT),
]
SAFETY = [
    coded("DataInspectionFailed", 400, ContentFilterError, "inspection", compatible="data_inspection_failed"),
    codeless("Qwen rejected the input image before model inference; no", 400, ContentFilterError, "inspection"),
    coded("FaqRuleBlocked", 400, ContentFilterError, "inspection"),
    coded("CustomRoleBlocked", 400, ContentFilterError, "inspection"),
    coded("IPInfringementSuspect", 400, ContentFilterError, "inspection"),
]
_ENGINE = "An error occurred in model serving, error message is:"
FAILURES = [
    coded("InternalError", 500, ServerError, "try again", "request id", compatible="internal_error", sent=AGAIN),
    coded(ALGO_500, 500, ServerError, "try again", compatible="internal_error", sent=AGAIN),
    told(ALGO_500, "Expecting ',' delimiter: line 1", ServerError, "broken JSON", sent=AGAIN, ways=CHAT),
    told(ALGO_500, f"{_ENGINE} [Request rejected by inference engine!]", ServerError, "try again", sent=AGAIN),
    Row("InternalError.Upload", "InternalError.Upload", 500, ServerError, ("try again",), "Failed.", AGAIN),
    coded("SystemError", 500, ServerError, "try again", sent=AGAIN),
    coded("ModelServiceFailed", 500, ServerError, "try again", sent=AGAIN),
    coded("RequestTimeOut", 500, APITimeoutError, "stream it", sent=AGAIN),
    coded("ResponseTimeout", 500, APITimeoutError, "stream it", sent=AGAIN),
]

# Texts of a chat's refusals, by what the hint has to say.
_TOOL_MESSAGES = 'An assistant message with "tool_calls" must be followed by tool messages responding to each'
_HISTORY = "at least one user message"
CHAT_TEXTS: dict[tuple[str, str], tuple[str, ...]] = {
    (INVALID, "`streaming=True`"): (
        "parameter.enable_thinking must be set to false for non-streaming calls",
        "parameter.enable_thinking only support stream call",
        "This model only support stream mode, please enable the stream parameter to access the model.",
        "current user api does not support http call.",
        "'audio' output only support with stream=true",
    ),
    (INVALID, "{model} always thinks"): ("The value of the enable_thinking parameter is restricted to True.",),
    (INVALID, "Leave the parameter out"): (
        'The incremental_output parameter must be "true" when enable_thinking is true',
        "The incremental_output parameter of this model cannot be set to False.",
        'The result_format parameter must be "message" when enable_thinking is true',
    ),
    (INVALID, "`enable_search`"): (
        "This model does not support enable_search.",
        "Non-streaming mode does not support Web Search",
    ),
    (INVALID, "is to be JSON"): ("'messages' must contain the word 'json' in some form, to use 'response_format'",),
    (INVALID, "`enable_thinking=False`"): ("Json mode response is not supported when enable_thinking is true",),
    (INVALID, "`with_structured_output`"): ("Unknown format of response_format, response_format should be a dict",),
    (INVALID, "list of strings"): ('The "stop" parameter must be of type "str", "list[str]"',),
    (INVALID, "in the range"): ("-1 is lesser than the minimum of 0 - 'seed'",),
    (ALGO, "in the range"): (
        "The thinking_budget parameter must be a positive integer and not greater than 5",
        "Range of max_tokens should be [1, 5]",
        "Temperature should be in [0.0, 2.0)",
        "Range of top_p should be (0.0, 1.0]",
        "Parameter top_k be greater than or equal to 0",
        "Repetition_penalty should be greater than 0.0",
        "Presence_penalty should be in [-2.0, 2.0]",
        "Range of n should be [1, 4]",
        "Range of seed should be [0, 9223372036854775807]",
    ),
    (ALGO, "as `tool_choice`"): ('tool_choice is one of the strings that should be ["none", "auto"]',),
    (ALGO, "or use `auto`"): (
        "The tool_choice parameter does not support being set to required or object in thinking",
    ),
    (ALGO, "another name"): ("Tool names are not allowed to be [search]",),
    (ALGO, "{model} calls no tools"): ("The tool call is not supported.",),
    (ALGO, "before their tool messages"): (
        'messages with role "tool" must be a response to a preceeding message with',
    ),
    (ALGO, "every tool call"): (_TOOL_MESSAGES,),
    (ALGO, "limit the steps"): ("Repetitive tool calls detected in the conversation history",),
    (ALGO, "{model} reads text only"): (
        "input content must be a string.",
        "The provided messages input is invalid. The error info is [Unexpected item type in content]",
    ),
    (INVALID, "content blocks"): ("The item of content should be a message of a certain modal.",),
    (ALGO, _HISTORY): (
        "The content field is a required field.",
        "The input messages do not contain elements with the role of user.",
        "Role must be in [user, assistant]",
        "Input should be a valid dictionary or instance of GPT3Message",
    ),
    (INVALID, _HISTORY): ("[] is too short - 'messages'",),
    # HTTP 500, and the request's fault all the same: sending it again does not help.
    (ALGO_500, _HISTORY): ("list index out of range",),
    (INVALID, "path out of `base_url`"): ('Either "prompt" or "messages" must exist and cannot both be none',),
    (INVALID, "`translation_options`"): ("暂时不支持当前设置的语种！",),  # noqa: RUF001 - verbatim
    (INVALID, "upload the file"): ("Invalid file [id:file-fe-x]",),
    (INVALID, "fewer or smaller files"): (
        "Too many files provided.",
        "The file exceeds size limit",
        "The file exceeds page limits (15000 pages)",
    ),
}
# The same of any call.
TEXTS: dict[tuple[str, str], tuple[str, ...]] = {
    (INVALID, "`base_model`"): ("url error, please check url！",),  # noqa: RUF001 - verbatim
    (INVALID, "path out of `base_url`"): ("Required body invalid, please check the request body format.",),
    (INVALID, "Give the parameter"): (
        "Required parameter(x) missing or invalid, please check the request parameters.",
        "you must provide a model parameter.",
        "Field required: input",
    ),
    (INVALID, "refused again"): ("Request method 'GET' is not supported.",),
    (INVALID, "({region}): give a public URL"): (
        "The provided URL does not appear to be valid. Ensure it is correctly formatted.",
        "Failed to download multimodal content.",
        "Download the media resource timed out during the data inspection process.",
        "Failed to find the requested media resource during the data inspection process.",
        "Don't have authorization to access the media resource during the data inspection process.",
        "Wrong Content-Type of multimodal url",
    ),
    (ALGO_500, "({region}): give a public URL"): ("Missing Content-Length of multimodal url.",),
    (INVALID, "a URL instead"): ("Exceeded limit on max bytes per data-uri item : 10485760",),
    (INVALID, "size, length and format"): (
        "Multimodal file size is too large",
        "The image length and width do not meet the model restrictions.",
        "the range of sequence images shoule be (4, 512)./(4,80).",
        "The video file is too long.",
    ),
}
REQUESTS = [
    *(
        told(code, message, InvalidRequestError, hint, ways=ways)
        for texts, ways in ((CHAT_TEXTS, CHAT), (TEXTS, ALL))
        for (code, hint), messages in texts.items()
        for message in messages
    ),
    told(ALGO, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 5]", ContextLengthError),
    told(
        INVALID, "Total message token length exceed model limit (5 tokens).", ContextLengthError, "Shorten", ways=CHAT
    ),
    told(ALGO, "Value error, batch size is invalid: input.contents", InvalidRequestError, "`chunk_size`", ways=EMBED),
    told(ALGO, "Value error, contents is neither str nor list of str.", InvalidRequestError, "strings", ways=EMBED),
    *(
        coded(code, 400, InvalidRequestError, hint, compatible="invalid_parameter_error")
        for code, hint in (
            ("InvalidParameter.NotSupportEnableThinking", "{model} does not think"),
            ("InvalidParameter.DataInspection", "({region}): give a public URL"),
        )
    ),
    *(
        coded(code, 400, InvalidRequestError, hint)
        for code, hint in (
            ("ServiceUnavailableError", _HISTORY),
            ("InvalidURL", "({region}): give a public URL"),
            ("InvalidURL.ConnectionRefused", "({region}): give a public URL"),
            ("InvalidURL.Timeout", "({region}): give a public URL"),
            ("BadRequest.InputDownloadFailed", "({region}): give a public URL"),
            ("BadRequest.UnsupportedFileFormat", "size, length and format"),
            ("BadRequest.TooLarge", "too large"),
            ("BadRequest.EmptyInput", "refused again"),
            ("BadRequest.EmptyParameters", "refused again"),
            ("BadRequest.EmptyModel", "refused again"),
            ("BadRequest.IllegalInput", "refused again"),
            ("BadRequest.ResourceNotExist", "refused again"),
        )
    ),
]
BY_STATUS = [
    codeless("Never heard of.", 400, InvalidRequestError, "refused again"),
    codeless("Never heard of.", 401, AuthenticationError, "{region}"),
    codeless("Never heard of.", 402, BillingError, "Alibaba Cloud account"),
    codeless("Never heard of.", 403, PermissionDeniedError, "{workspace}"),
    codeless("Never heard of.", 404, NotFoundError, "{model}"),
    codeless("Never heard of.", 408, APITimeoutError, "stream it", sent=AGAIN),
    codeless("Never heard of.", 413, InvalidRequestError, "too large"),
    codeless("Never heard of.", 429, RateLimitError, "per minute", sent=AGAIN),
    codeless("Never heard of.", 502, ServerError, "try again", sent=AGAIN),
]
ROWS = [*ACCESS, *BILLING, *LIMITS, *SAFETY, *FAILURES, *REQUESTS, *BY_STATUS]


def _workspace(sandbox: Sandbox) -> SandboxWorkspace:
    """Return a workspace of a region that nothing takes by default."""
    return sandbox.add_workspace("rows", region="cn-hongkong")


@cache
def _component(base_url: str, api_key: str, protocol: ProtocolName, kind: str) -> Any:
    classes: dict[str, Any] = {
        "chat": ChatQwenWorkspace,
        "embed": QwenWorkspaceEmbeddings,
        "rerank": QwenWorkspaceRerank,
    }
    return classes[kind](
        model=MODELS[kind],
        protocol=protocol,
        base_url=base_url,
        api_key=api_key,
        workspace_id="llm-rows",
        region="hongkong",
        max_retries=RETRIES,
    )


def _kind(way: str) -> str:
    return "chat" if way in CHAT else "embed" if way in EMBED else "rerank"


async def _collected(component: Any) -> None:
    async for _ in component.astream("Hi"):
        pass


def call(sandbox: Sandbox, protocol: ProtocolName, way: str, runner: asyncio.Runner) -> None:
    component = _component(sandbox.base_url, _workspace(sandbox).api_key, protocol, _kind(way))
    match way:
        case "invoke":
            component.invoke("Hi")
        case "ainvoke":
            runner.run(component.ainvoke("Hi"))
        case "stream":
            list(component.stream("Hi"))
        case "astream":
            runner.run(_collected(component))
        case "embed":
            component.embed_query("Hi")
        case "arerank":
            runner.run(component.arerank(["a", "b"], "Hi"))


def check(error: QwenWorkspaceError, row: Row, protocol: ProtocolName, way: str, request_id: str) -> None:
    model = MODELS[_kind(way)]
    place = {"model": repr(model), "region": "cn-hongkong", "workspace": "llm-rows"}
    assert type(error) is row.kind
    code = row.native if protocol == "dashscope" else row.compatible
    assert (error.code, error.request_id) == (code or None, request_id)
    assert row.message is None or error.message == row.message
    assert (error.model, error.protocol) == (model, protocol)
    assert (error.region, error.workspace_id) == ("cn-hongkong", "llm-rows")
    assert error.is_retryable is (row.sent == AGAIN)
    for hint in row.hints:
        assert hint.format(**place) in (error.hint or "")
    assert "{" not in (error.hint or "")


@pytest.mark.parametrize(("row", "way"), [(row, way) for row in ROWS for way in row.ways], ids=str)
def test_a_row(sandbox: Sandbox, protocol: ProtocolName, runner: asyncio.Runner, row: Row, way: str) -> None:
    sandbox.fail_next(**row.asked, times=AGAIN, headers={"retry-after-ms": "1"})
    with pytest.raises(QwenWorkspaceError) as caught:
        call(sandbox, protocol, way, runner)
    check(caught.value, row, protocol, way, sandbox.requests[-1].request_id)
    assert caught.value.status_code == row.status
    assert len(sandbox.requests) == row.sent


@pytest.mark.parametrize(("way", "after"), [("stream", 0), ("astream", 2)])
@pytest.mark.parametrize("row", [row for row in ROWS if "stream" in row.ways and row not in BY_STATUS], ids=str)
def test_a_row_inside_a_stream(
    sandbox: Sandbox,
    protocol: ProtocolName,
    runner: asyncio.Runner,
    monkeypatch: pytest.MonkeyPatch,
    *,
    row: Row,
    way: str,
    after: int,
) -> None:
    """HTTP 200 was said before: only the native frame names the status, and after an event nothing is sent again."""
    monkeypatch.setattr("langchain_qwen_workspace._transports._retry_policy.FIRST_PAUSE", 0.001)
    sandbox.fail_next(**row.asked, after_events=after, times=AGAIN)
    with pytest.raises(QwenWorkspaceError) as caught:
        call(sandbox, protocol, way, runner)
    check(caught.value, row, protocol, way, sandbox.requests[-1].request_id)
    assert caught.value.status_code == (row.status if protocol == "dashscope" else None)
    assert len(sandbox.requests) == (ONCE if after else row.sent)


@pytest.mark.parametrize("row", [row for row in ROWS if row.sent == AGAIN], ids=str)
def test_what_passes_later_is_answered_then(
    sandbox: Sandbox, protocol: ProtocolName, runner: asyncio.Runner, row: Row
) -> None:
    for way in ("invoke", "astream"):
        sandbox.clear()
        sandbox.fail_next(**row.asked, headers={"retry-after-ms": "1"})
        call(sandbox, protocol, way, runner)
        assert len(sandbox.requests) == 2


def test_the_hints_of_a_key_without_a_workspace_make_sense(sandbox: Sandbox, protocol: ProtocolName) -> None:
    key = _workspace(sandbox).api_key
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, base_url=sandbox.base_url, api_key=key, max_retries=0)
    sandbox.fail_next(code="Model.AccessDenied")
    with pytest.raises(PermissionDeniedError, match="'qwen-plus' is not granted to the key's workspace: a super"):
        llm.invoke("Hi")
    sandbox.fail_next(code="Endpoint.AccessDenied")
    with pytest.raises(PermissionDeniedError, match=r"\(`workspace_id`: not given\)"):
        llm.invoke("Hi")
