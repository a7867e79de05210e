"""The service's errors as it reports them, each with the error that it becomes.

Messages: Model Studio docs, error codes, 2026-08-18. `Never heard of.` stands for a message that says nothing, so that
the code or the status decides. Rows of the package's table are in `data._errors`; every one of them has a case here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace import (
    APITimeoutError,
    AuthenticationError,
    BillingError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from tests.support.protocols import ProtocolStub

MODEL, REGION, WORKSPACE = "qwen-plus", "ap-southeast-1", "ws-test"
"""What the hints below name."""


@dataclass(frozen=True)
class Case:
    """One report of the service and what it means.

    Attributes:
        status: The HTTP status.
        code: The error code of the DashScope protocol.
        openai_code: That of the OpenAI-compatible one.
        message: The service's message.
        type_: The `type` of the OpenAI-compatible error object, if it is another than the code.
        error_class: The class of the error.
        hints: What its hint contains.
    """

    status: int
    code: str | None
    openai_code: str | None
    message: str
    type_: str | None
    error_class: type[QwenWorkspaceError]
    hints: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.status} {self.code or 'no code'} {self.message[:40]}"

    def code_on(self, stub: ProtocolStub) -> str | None:
        return self.code if stub.is_dashscope else self.openai_code

    def body(self, stub: ProtocolStub) -> dict[str, Any]:
        return stub.error_body(self.code_on(stub), self.message, self.type_)


def _cases(error_class: type[QwenWorkspaceError], hints: tuple[str, ...], *reports: tuple[Any, ...]) -> Iterator[Case]:
    """Yield cases of one error; a code that the protocols spell differently is a pair: DashScope's, then OpenAI's."""
    for status, code, message, *type_ in reports:
        dashscope, openai = code if isinstance(code, tuple) else (code, code)
        yield Case(status, dashscope, openai, message, type_[0] if type_ else None, error_class, hints)


def _request_error_cases(hint: str | tuple[str, ...], *reports: tuple[Any, ...]) -> Iterator[Case]:
    return _cases(InvalidRequestError, (hint,) if isinstance(hint, str) else hint, *reports)


INVALID = ("InvalidParameter", "invalid_parameter_error")
ALGO = ("InternalError.Algo.InvalidParameter", "invalid_parameter_error")
ALGO_500 = ("InternalError.Algo", "internal_error")
NO_THINKING = "InvalidParameter.NotSupportEnableThinking"
QUOTA = ("Throttling.AllocationQuota", "insufficient_quota")

_UNKNOWN = "Never heard of."
_NO_MEMBER = "Access denied: Either you are not authorized to access this workspace, or the workspace does not exist."
_UNPURCHASED = "Access to model denied. Please make sure you are eligible for using the model."
_FREE_TIER = 'The free tier of the model has been exhausted. Disable the "use free tier only" mode to continue.'
_INSPECTED = "Input or output data may contain inappropriate content."
_ENGINE = "An error occurred in model serving, error message is: [Request rejected by inference engine!]"
_NO_CAPACITY = "Too many requests. Your requests are being throttled due to system capacity limits."

CASES = [
    *_cases(
        AuthenticationError,
        ("ap-southeast-1", "`region=`", "DASHSCOPE_REGION", "plan"),
        (401, ("InvalidApiKey", "invalid_api_key"), "Invalid API-key provided."),
        (401, ("InvalidApiKey", "invalid_api_key"), "Incorrect API key provided. "),
        (401, None, _UNKNOWN),
    ),
    *_cases(
        AuthenticationError, ("`api_key=`", "DASHSCOPE_API_KEY"), (401, None, "You didn't provide an API key. You need")
    ),
    *_cases(AuthenticationError, ("another plan", "`base_url`"), (401, None, "invalid access token or token expired.")),
    *_cases(
        AuthenticationError,
        ("`workspace_id=`", "DASHSCOPE_WORKSPACE (ws-test)", "DASHSCOPE_REGION (ap-southeast-1)"),
        (401, "NOT AUTHORIZED", _NO_MEMBER),
        (401, None, _NO_MEMBER),
        (401, "NOT AUTHORIZED", _UNKNOWN),
    ),
    *_cases(
        PermissionDeniedError,
        ("'qwen-plus' is not granted to workspace ws-test", "super administrator", "(ap-southeast-1)"),
        (403, "Model.AccessDenied", "Model access denied."),
        (403, None, "Model access denied."),
        (403, "Model.AccessDenied", _UNKNOWN),
    ),
    *_cases(
        PermissionDeniedError,
        ("Access to 'qwen-plus' must be requested", "(ap-southeast-1)", "retired", "workspace ws-test"),
        (403, ("AccessDenied", "access_denied"), "Access denied."),
    ),
    *_cases(
        PermissionDeniedError,
        ("workspace ws-test in ap-southeast-1", "`api_key` and `workspace_id` belong together"),
        (403, "Workspace.AccessDenied", "Workspace access denied."),
        (403, "App.AccessDenied", "App access denied."),
        (403, None, _UNKNOWN),
        (403, "Workspace.AccessDenied", "Denied."),
        (403, ("Workspace.AccessDenied", None), "Denied.", "Workspace.AccessDenied"),
        (403, ("Unheard.Of", "unheard_of"), _UNKNOWN),
    ),
    *_cases(
        PermissionDeniedError,
        ("(`workspace_id`: ws-test)", "only that workspace's keys", "'qwen-plus' is retired"),
        (403, "Endpoint.AccessDenied", "Workspace endpoint access denied."),
        (403, ("AccessDenied", "access_denied"), "Workspace endpoint access denied."),
        (403, "Endpoint.AccessDenied", "Denied."),
    ),
    *_cases(
        PermissionDeniedError,
        ("`default_headers`",),
        (403, ("AccessDenied", "access_denied"), "Current user api does not support asynchronous calls."),
        (403, ("AccessDenied", "access_denied"), "Current user api does not support synchronous calls."),
    ),
    *_cases(
        NotFoundError,
        ("the name 'qwen-plus'", "ap-southeast-1", "retired"),
        (404, ("ModelNotFound", "model_not_found"), "Model can not be found."),
        (400, INVALID, "Model not exist."),
        (404, None, _UNKNOWN),
        (404, "Model.NotExist", _UNKNOWN),
    ),
    *_cases(
        NotFoundError,
        ("Batch API", "'qwen-plus'", "ap-southeast-1"),
        (404, ("ModelNotFound", "model_not_found"), "The provided model x is not supported by the Batch API."),
    ),
    *_cases(
        NotFoundError,
        ('`protocol="dashscope"`',),
        (404, ("ModelNotSupported", "model_not_supported"), "Unsupported model x for OpenAI compatibility mode."),
        (404, "model_not_supported", "Unsupported."),
    ),
    *_cases(
        NotFoundError,
        ("DASHSCOPE_WORKSPACE (ws-test)", "DASHSCOPE_REGION (ap-southeast-1)"),
        (404, "WorkSpaceNotFound", "WorkSpace can not be found."),
    ),
    *_cases(
        NotFoundError,
        ("`base_url`", "the other protocol's"),
        (404, "NotFound", "Request path not found."),
        (404, "NotFound", _UNKNOWN),
    ),
    *_cases(BillingError, ("Alibaba Cloud console",), (402, None, _UNKNOWN)),
    *_cases(
        BillingError,
        ("Alibaba Cloud account", "overdue bill"),
        (400, "Arrearage", "Access denied, please make sure your account is in good standing."),
        (429, "PrepaidBillOverdue", "The prepaid bill is overdue."),
        (429, "PostpaidBillOverdue", "The postpaid bill is overdue."),
        (400, ("Arrearage", None), "Access denied, please make sure", "Arrearage"),
    ),
    *_cases(
        BillingError,
        ("Model Studio is not activated", "ap-southeast-1"),
        (403, "AccessDenied.Unpurchased", _UNPURCHASED),
        (429, "CommodityNotPurchased", "Commodity has not purchased yet."),
        (403, "AccessDenied.Unpurchased", "Access denied."),
    ),
    *_cases(
        BillingError,
        ("'qwen-plus' is not activated", "ap-southeast-1"),
        (400, INVALID, "The product is not activated, please confirm that you have activated products and try again."),
    ),
    *_cases(
        BillingError,
        ("free tier of 'qwen-plus'", "(ap-southeast-1)"),
        (403, "AllocationQuota.FreeTierOnly", _FREE_TIER),
        (429, QUOTA, "Free allocated quota exceeded."),
    ),
    *_cases(
        BillingError,
        ("plan's quota",),
        (429, QUOTA, "month allocated quota exceeded."),
        (429, QUOTA, "hour allocated quota exceeded."),
        (429, QUOTA, "week allocated quota exceeded."),
        (429, QUOTA, "您当前的配额为 100。"),
    ),
    *_cases(
        RateLimitError,
        ("per minute",),
        (429, "Throttling", "Requests throttling triggered."),
        (429, ("Throttling.RateQuota", "limit_requests"), "Requests rate limit exceeded, please try again later."),
        (429, ("Throttling.RateQuota", "limit_requests"), "You exceeded your current requests list."),
        (429, ("LimitRequests", "limit_requests"), "You have exceeded your request limit."),
        (429, "ResourceExhausted", "You have exceeded your request limit."),
        (429, QUOTA, "Allocated quota exceeded."),
        (429, QUOTA, "You exceeded your current quota, please check your plan and billing details."),
        (429, None, _UNKNOWN),
        (429, None, "Too many requests. Batch requests in all"),
    ),
    *_cases(
        RateLimitError,
        ("fewer requests at once",),
        (429, ("Throttling.BurstRate", "limit_burst_rate"), "Request rate increased too quickly."),
    ),
    *_cases(RateLimitError, ("`max_concurrency`",), (429, "Throttling.Concurrency", "Too many concurrent requests.")),
    *_cases(
        RateLimitError,
        ("Batch API",),
        (429, None, "Too many requests. Batch requests are being throttled due to system capacity limits."),
    ),
    *_cases(
        ServerError,
        ("capacity",),
        (503, "ModelServingError", _NO_CAPACITY),
        (503, "ModelUnavailable", "Model is unavailable, please try again later."),
        (500, "ModelServingError", _NO_CAPACITY),
    ),
    *_cases(ServerError, ("'qwen-plus'", "try again"), (400, None, "No backend server available")),
    *_cases(ServerError, ("in a minute",), (400, INVALID, "File parsing in progress, please try again later.")),
    *_cases(ServerError, ("invalid JSON",), (500, ALGO_500, "Expecting ',' delimiter: line 1")),
    *_cases(
        APITimeoutError,
        ("stream it",),
        (500, "RequestTimeOut", "Request timed out, please try again."),
        (500, "ResponseTimeout", "Response timeout!"),
        (408, None, _UNKNOWN),
    ),
    *_cases(
        ServerError,
        ("try again", "request id"),
        (500, ("InternalError", "internal_error"), "An internal error has occured, please try again later."),
        (500, ALGO_500, _ENGINE),
        (500, "InternalError.Upload", "Failed."),
        (500, "SystemError", "A system error has occured, please try again later."),
        (500, "ModelServiceFailed", "Failed to request the model service."),
        (502, None, _UNKNOWN),
        (504, "GatewayTimeout", "Too late."),
        (503, "ServiceUnavailable", _UNKNOWN),
    ),
    *_request_error_cases(
        "refused again",
        (400, INVALID, "Request method 'GET' is not supported."),
        (400, "BadRequest.EmptyInput", "The input is empty."),
        (400, "BadRequest.EmptyParameters", "The parameters are empty."),
        (400, "BadRequest.EmptyModel", "The model is empty."),
        (400, "BadRequest.IllegalInput", "The input is illegal."),
        (400, "BadRequest.ResourceNotExist", "The resource does not exist."),
        (400, None, _UNKNOWN),
        (400, INVALID, "'messages' must contain 'json'."),
        (409, ("Conflict", "conflict"), "Model instance already exists."),
        (422, ("Unheard.Of", "unheard_of"), _UNKNOWN),
        (400, ALGO, "<400> InternalError.Algo.InvalidParameter: Required parameter missing or invalid."),
        (400, ("InvalidParameter", "invalid_value"), _UNKNOWN),
        (400, "BadRequest", _UNKNOWN),
        (400, "BadRequestException", _UNKNOWN),
        (400, "UnsupportedOperation", _UNKNOWN),
    ),
    *_cases(
        ContextLengthError,
        ("Shorten",),
        (400, ALGO, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 5]"),
        (400, INVALID, "Total message token length exceed model limit (5 tokens)."),
    ),
    *_cases(
        ContentFilterError,
        ("content inspection",),
        (400, ("DataInspectionFailed", "data_inspection_failed"), _INSPECTED),
        (400, None, "Qwen rejected the input image before model inference; no"),
        (400, "FaqRuleBlocked", "The input hits a rule of the question list."),
        (400, "CustomRoleBlocked", "The input hits a rule of the account."),
        (400, "IPInfringementSuspect", "The input is suspected of infringing intellectual property."),
    ),
    *_request_error_cases("`base_model`", (400, INVALID, "url error, please check url\uff01")),
    *_request_error_cases(
        "only the origin as `base_url`",
        (400, INVALID, 'Either "prompt" or "messages" must exist and cannot both be none'),
        (400, INVALID, "Required body invalid, please check the request body format."),
    ),
    *_request_error_cases(
        ("only as a stream", "`streaming=True`"),
        (400, INVALID, "This model only support stream mode, please enable the stream parameter to access the model."),
        (400, INVALID, "current user api does not support http call."),
        (400, INVALID, "'audio' output only support with stream=true"),
    ),
    *_request_error_cases(
        ("thinks only in a stream", "`streaming=True`"),
        (400, INVALID, "parameter.enable_thinking must be set to false for non-streaming calls"),
        (400, INVALID, "parameter.enable_thinking only support stream call"),
    ),
    *_request_error_cases(
        "'qwen-plus' does not think",
        (400, (NO_THINKING, "invalid_parameter_error"), "The model does not support enable_thinking."),
        (400, (NO_THINKING, "invalid_value"), "The model does not support enable_thinking."),
        (400, NO_THINKING, _UNKNOWN),
    ),
    *_request_error_cases(
        "'qwen-plus' always thinks", (400, INVALID, "The value of the enable_thinking parameter is restricted to True.")
    ),
    *_request_error_cases(
        "in the range",
        (400, INVALID, "-1 is lesser than the minimum of 0 - 'seed'"),
        (400, ALGO, "The thinking_budget parameter must be a positive integer and not greater than 5"),
        (400, ALGO, "Range of max_tokens should be [1, 5]"),
        (400, ALGO, "Temperature should be in [0.0, 2.0)"),
        (400, ALGO, "Range of top_p should be (0.0, 1.0]"),
        (400, ALGO, "Parameter top_k be greater than or equal to 0"),
        (400, ALGO, "Repetition_penalty should be greater than 0.0"),
        (400, ALGO, "Presence_penalty should be in [-2.0, 2.0]"),
        (400, ALGO, "Range of n should be [1, 4]"),
        (400, ALGO, "Range of seed should be [0, 9223372036854775807]"),
        (400, INVALID, "11 is greater than the maximum of 10 - 'n'"),
    ),
    *_request_error_cases(
        "Leave the parameter out",
        (400, INVALID, 'The incremental_output parameter must be "true" when enable_thinking is true'),
        (400, INVALID, "The incremental_output parameter of this model cannot be set to False."),
        (400, INVALID, 'The result_format parameter must be "message" when enable_thinking is true'),
    ),
    *_request_error_cases(
        "Give the parameter",
        (400, INVALID, "Required parameter(x) missing or invalid, please check the request parameters."),
        (400, INVALID, "you must provide a model parameter."),
        (400, INVALID, "Field required: input"),
    ),
    *_request_error_cases(
        "`enable_search`",
        (400, INVALID, "This model does not support enable_search."),
        (400, INVALID, "Non-streaming mode does not support Web Search"),
    ),
    *_request_error_cases(
        "has to be JSON",
        (400, INVALID, "'messages' must contain the word 'json' in some form, to use 'response_format'"),
    ),
    *_request_error_cases(
        "`enable_thinking=False`", (400, INVALID, "Json mode response is not supported when enable_thinking is true")
    ),
    *_request_error_cases(
        "`with_structured_output`",
        (400, INVALID, "Unknown format of response_format, response_format should be a dict"),
    ),
    *_request_error_cases("list of strings", (400, INVALID, 'The "stop" parameter must be of type "str", "list[str]"')),
    *_request_error_cases("`translation_options`", (400, INVALID, "暂时不支持当前设置的语种\uff01")),
    *_request_error_cases(
        "as `tool_choice`", (400, ALGO, 'tool_choice is one of the strings that should be ["none", "auto"]')
    ),
    *_request_error_cases(
        "or use `auto`",
        (400, ALGO, "The tool_choice parameter does not support being set to required or object in thinking"),
    ),
    *_request_error_cases("another name", (400, ALGO, "Tool names are not allowed to be [search]")),
    *_request_error_cases("'qwen-plus' does not support tools", (400, ALGO, "The tool call is not supported.")),
    *_request_error_cases(
        "before their tool messages",
        (400, ALGO, 'messages with role "tool" must be a response to a preceeding message with'),
    ),
    *_request_error_cases(
        "every tool call",
        (400, ALGO, 'An assistant message with "tool_calls" must be followed by tool messages responding to each'),
    ),
    *_request_error_cases("limit the steps", (400, ALGO, "Repetitive tool calls detected in the conversation history")),
    *_request_error_cases(
        "'qwen-plus' accepts only text",
        (400, ALGO, "input content must be a string."),
        (400, ALGO, "The provided messages input is invalid. The error info is [Unexpected item type in content]"),
    ),
    *_request_error_cases(
        "at least one user message",
        (400, ALGO, "The content field is a required field."),
        (400, ALGO, "The input messages do not contain elements with the role of user."),
        (400, ALGO, "Role must be in [user, assistant]"),
        (400, ALGO, "Input should be a valid dictionary or instance of GPT3Message"),
        (400, INVALID, "[] is too short - 'messages'"),
        (500, ALGO_500, "list index out of range"),
        (400, "ServiceUnavailableError", "Role must be user or assistant and Content length must be greater than 0."),
    ),
    *_request_error_cases(
        "content blocks", (400, INVALID, "The item of content should be a message of a certain modal.")
    ),
    *_request_error_cases("`chunk_size`", (400, ALGO, "Value error, batch size is invalid: input.contents")),
    *_request_error_cases("strings", (400, ALGO, "Value error, contents is neither str nor list of str.")),
    *_request_error_cases(
        "(ap-southeast-1): give a public URL",
        (400, INVALID, "The provided URL does not appear to be valid. Ensure it is correctly formatted."),
        (400, INVALID, "Failed to download multimodal content."),
        (400, INVALID, "Download the media resource timed out during the data inspection process."),
        (400, INVALID, "Failed to find the requested media resource during the data inspection process."),
        (400, INVALID, "Don't have authorization to access the media resource during the data inspection process."),
        (400, INVALID, "Wrong Content-Type of multimodal url"),
        (500, ALGO_500, "Missing Content-Length of multimodal url."),
        (
            400,
            ("InvalidParameter.DataInspection", "invalid_parameter_error"),
            "Unable to download the media resource during the data inspection process.",
        ),
        (400, "InvalidURL", "The URL is invalid."),
        (400, "InvalidURL.ConnectionRefused", "The connection to the URL was refused."),
        (400, "InvalidURL.Timeout", "The download from the URL timed out."),
        (400, "BadRequest.InputDownloadFailed", "The input could not be downloaded."),
        (400, "InvalidFile.DownloadFailed", _UNKNOWN),
        (400, "InvalidParameter.DataInspection", _UNKNOWN),
    ),
    *_request_error_cases("a URL instead", (400, INVALID, "Exceeded limit on max bytes per data-uri item : 10485760")),
    *_request_error_cases(
        "size, length and format",
        (400, INVALID, "Multimodal file size is too large"),
        (400, INVALID, "The image length and width do not meet the model restrictions."),
        (400, INVALID, "the range of sequence images shoule be (4, 512)./(4,80)."),
        (400, INVALID, "The video file is too long."),
        (400, "BadRequest.UnsupportedFileFormat", "The file format is not supported."),
        (400, INVALID, "The audio format is illegal."),
        (400, "InvalidFile", _UNKNOWN),
        (400, "InvalidImage", _UNKNOWN),
        (400, "InvalidImageFormat", _UNKNOWN),
        (400, "InvalidImageResolution", _UNKNOWN),
    ),
    *_request_error_cases(
        ("too large", "by URL"), (400, "BadRequest.TooLarge", "Payload Too Large."), (413, None, _UNKNOWN)
    ),
    *_request_error_cases("upload the file with the same key", (400, INVALID, "Invalid file [id:file-fe-x]")),
    *_request_error_cases(
        "fewer or smaller files",
        (400, INVALID, "Too many files provided."),
        (400, INVALID, "The file exceeds size limit"),
        (400, INVALID, "The file exceeds page limits (15000 pages)"),
    ),
    *_cases(InvalidResponseError, ("Redirects are not followed",), (302, None, _UNKNOWN)),
]
