"""Which failure is which: tables by text, code and status, and the error with the hint that each of them stands for.

Codes, texts and remedies: Model Studio docs, error codes, 2026-08-18, where nothing else is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from langchain_qwen_workspace.errors import (
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_qwen_workspace._seam import Destination


class _Row(NamedTuple):
    """One kind of failure.

    A hint may name `{model}`, `{region}`, `{workspace}` (the workspace in words) and `{workspace_id}`.
    """

    kind: type[QwenWorkspaceError]
    hint: str | None = None


# ------------------------------------------------------------------------------------------------- who calls, and where

_WRONG_KEY = _Row(
    AuthenticationError,
    "A key works only in the region and plan it was made in, and {region} was called: set `region=` or "
    "DASHSCOPE_REGION to the region that the console shows for the key. If it is that one, check the key for typos.",
)
_NO_KEY = _Row(AuthenticationError, "The key did not arrive: set `api_key=` or DASHSCOPE_API_KEY.")
_OTHER_PLAN = _Row(
    AuthenticationError,
    "The key belongs to another plan than the host that was called: a plan's keys (`sk-sp-…`) work only at the plan's "
    "own `base_url`, and other keys only without one.",
)
_NO_MEMBER = _Row(
    AuthenticationError,
    "Check `workspace_id=` or DASHSCOPE_WORKSPACE ({workspace_id}) and `region=` or DASHSCOPE_REGION ({region}): there "
    "is no such workspace, or the key's owner is no member of it.",
)
# Only a super administrator may (Model Studio docs, permission management, 2026-08-11).
_NOT_GRANTED = _Row(
    PermissionDeniedError,
    "{model} is not granted to {workspace}: a super administrator of the account grants it in the Model Studio console "
    "({region}), under the workspace's model permissions. A model of another workspace takes that workspace's key.",
)
_DENIED = _Row(
    PermissionDeniedError,
    "{model} has to be applied for in the console ({region}), is retired, or is part of a plan that the key is not of: "
    "take another model, or check that it is granted to {workspace}.",
)
_OTHER_WORKSPACE = _Row(
    PermissionDeniedError,
    "The key is not one of {workspace} in {region}, or that workspace may not use {model}: check that `api_key` and "
    "`workspace_id` belong to the same workspace. Without `workspace_id` the region's shared host is called.",
)
# The docs know the second cause only, field reports the first one (2026).
_OTHER_HOST = _Row(
    PermissionDeniedError,
    "The host of a workspace (`workspace_id`: {workspace_id}) takes only that workspace's keys, or {model} is retired: "
    "check that `api_key` and `workspace_id` belong together, or take a current model.",
)
_ASYNCHRONOUS = _Row(
    PermissionDeniedError, "{model} and `X-DashScope-Async` do not fit: take the header out of `default_headers`."
)
_NOT_FOUND = _Row(
    NotFoundError,
    "Check the name {model} for typing errors, and whether {region} offers it: a retired model and one of "
    "another region answer the same.",
)
_NOT_IN_BATCHES = _Row(NotFoundError, "The Batch API does not offer {model} in {region}: take another model.")
_NATIVE_ONLY = _Row(NotFoundError, 'Only the native protocol has {model}: use `protocol="dashscope"`.')
_NO_WORKSPACE = _Row(
    NotFoundError,
    "Check `workspace_id=` or DASHSCOPE_WORKSPACE ({workspace_id}) and `region=` or DASHSCOPE_REGION ({region}).",
)
_NO_ROUTE = _Row(
    NotFoundError, "Check `base_url`, if it was given: its path may be the other protocol's. Leave the path out."
)

# ------------------------------------------------------------------------------------------------------ who pays

_UNPAID = _Row(BillingError, "The Alibaba Cloud account has to settle this; a retry is refused again.")
_OVERDUE = _Row(
    BillingError,
    "The Alibaba Cloud account has an overdue bill: settle it in the console. A retry is refused until then.",
)
_NOT_ACTIVATED = _Row(BillingError, "Model Studio is not activated for the account in {region}: do so in the console.")
_NOT_BOUGHT = _Row(BillingError, "{model} is not activated for the account in {region}: do so in the console.")
_FREE_TIER = _Row(
    BillingError,
    "The free tier of {model} is used up. Switch off “stop when the free tier is used up” in the console ({region}) to "
    "be billed, or take another model.",
)
_PLAN_QUOTA = _Row(BillingError, "The plan's quota is used up: wait for its next period, or take a larger plan.")

# ------------------------------------------------------------------------------------------------------ what passes

_THROTTLED = _Row(RateLimitError, "The limit is per minute and shared by the account: wait, or ask for a higher one.")
_BURST = _Row(RateLimitError, "Requests rose too quickly: start slower, with fewer at once.")
_CONCURRENCY = _Row(RateLimitError, "Too many calls were under way at once: lower `max_concurrency`.")
_BATCHES_FULL = _Row(RateLimitError, "The Batch API is short of capacity: submit the batch again later.")
_BUSY = _Row(ServerError, "The service is short of capacity: wait and try again, or take another model.")
_NO_BACKEND = _Row(ServerError, "Nothing serves {model} at the moment: try again, then look for an overdue bill.")
_PARSING = _Row(ServerError, "The service is still reading the file: try again in a minute.")
_FAILED = _Row(ServerError, "The service failed: try again. If it lasts, its support asks for the request id.")
_BAD_ARGUMENTS = _Row(
    ServerError, "The model called a tool with broken JSON: try again, or simplify the tool's schema."
)
_ELSEWHERE = _Row(
    InvalidResponseError,
    "Redirects are not followed, so that key and conversation go only where they were sent: correct `base_url`.",
)
_TOO_SLOW = _Row(APITimeoutError, "The answer took too long: stream it, or ask for less.")

# ----------------------------------------------------------------------------------- what is refused as it is


def _refused(hint: str) -> _Row:
    return _Row(InvalidRequestError, hint)


_REFUSED = _refused("The same request is refused again: change what the message names.")
_FILTERED = _Row(
    ContentFilterError, "The content inspection found the input or the answer inappropriate: change the input."
)
_OVERFLOW = _Row(ContextLengthError, "Shorten or trim the input, or take a model with a larger context.")
_WRONG_ENDPOINT = _refused(
    "{model} belongs to the other native endpoint. For a fine-tuned or deployed model name the model it was made "
    "from in `base_model`; otherwise please report the model."
)
_OTHER_BODY = _refused("The request was read as one of the other protocol: leave the path out of `base_url`.")
_STREAM_ONLY = _refused("{model} answers this only in a stream: set `streaming=True`, or call `stream`.")
_STREAM_OR_NOT_THINK = _refused("{model} thinks only in a stream: set `streaming=True`, or `enable_thinking=False`.")
_NO_THINKING = _refused("{model} does not think: leave out `enable_thinking`, or take a model that thinks.")
_ALWAYS_THINKS = _refused("{model} always thinks: leave out `enable_thinking`, or take a hybrid model.")
_RANGE = _refused("Give the parameter a value in the range that the message names, or leave it out.")
_OURS = _refused("Leave the parameter out: it is set as the model needs it.")
_REQUIRED = _refused("Give the parameter that the message names, as an argument or in `model_kwargs`.")
_NO_SEARCH = _refused("{model} cannot search the web in such a call: leave out `enable_search`, or stream the answer.")
_SAY_JSON = _refused("Say in a message that the answer is to be JSON, and with which keys.")
_JSON_OR_THINKING = _refused("{model} does not write JSON while it thinks: set `enable_thinking=False`.")
_FORMAT = _refused("Use `with_structured_output`, or a `response_format` of a type that the service has.")
_STOP = _refused("`stop` is a string or a list of strings.")
_TOOL_CHOICE = _refused('{model} takes `"auto"`, `"none"` or the name of one tool as `tool_choice`.')
_FORCED_THINKING = _refused("A tool cannot be forced while {model} thinks: set `enable_thinking=False`, or use `auto`.")
_TOOL_NAME = _refused("Give the tool another name.")
_NO_TOOLS = _refused("{model} calls no tools: leave them out, or take another model.")
_ORPHAN_RESULT = _refused("Keep the assistant message with the tool calls in the history, before their tool messages.")
_UNANSWERED_CALL = _refused("Answer every tool call of an assistant message by one tool message, right behind it.")
_TOOL_LOOP = _refused("The model calls the same tool over and over: limit the steps, or say in the prompt when to end.")
_TEXT_ONLY = _refused("{model} reads text only: leave media out, or take a model that sees or hears them.")
_MESSAGES = _refused(
    "Send at least one user message, each message with content and a role that the service knows, and the user's or a "
    "tool's as the last one."
)
_CONTENT_PART = _refused("Write the content as LangChain's content blocks: text, image, audio or video.")
_TOO_MANY_INPUTS = _refused("{model} takes fewer inputs in one request: lower `chunk_size`.")
_STRINGS_ONLY = _refused("{model} embeds strings: pass texts, not tokens or objects.")
_UNREACHABLE_MEDIA = _refused(
    "The service fetches media itself ({region}): give a public URL that answers without a login and tells type and "
    "length, or send the file's bytes as base64."
)
_LARGE_MEDIA = _refused("The file is larger than a message may carry: give a URL instead, or a smaller file.")
_MEDIA_LIMITS = _refused("Bring the file into the size, length and format that the message and {model} allow.")
_TOO_LARGE = _refused("The request is too large: send media by URL, or fewer messages.")
_LANGUAGE = _refused("`translation_options` names a language that {model} does not know.")
_WRONG_FILE = _refused("The file id is none of this key's workspace in {region}: upload the file with the same key.")
_FILE_LIMITS = _refused("Send fewer or smaller files; the message names the limit.")

# Texts that say more than the code beside them, or that come without one, in any case of letters.
_TEXTS: tuple[tuple[_Row, tuple[str, ...]], ...] = (
    (_OVERFLOW, ("Range of input length should be", "Total message token length exceed model limit")),
    (_NO_KEY, ("You didn't provide an API key",)),
    (_OTHER_PLAN, ("invalid access token or token expired",)),
    (_NO_MEMBER, ("not authorized to access this workspace",)),
    (_OTHER_HOST, ("Workspace endpoint access denied",)),
    (_NOT_GRANTED, ("Model access denied",)),
    (_ASYNCHRONOUS, ("does not support asynchronous calls", "does not support synchronous calls")),
    (_FREE_TIER, ("Free allocated quota exceeded",)),
    # Quotas of the Coding Plan, and the one text of a throttling that names a fixed quota.
    (_PLAN_QUOTA, tuple(f"{period} allocated quota exceeded" for period in ("hour", "week", "month"))),
    (_PLAN_QUOTA, ("您当前的配额为",)),
    (_NOT_BOUGHT, ("The product is not activated",)),
    (_BATCHES_FULL, ("Batch requests are being throttled",)),
    (_NO_BACKEND, ("No backend server available",)),
    (_PARSING, ("File parsing in progress",)),
    (_NOT_IN_BATCHES, ("is not supported by the Batch API",)),
    (_NATIVE_ONLY, ("for OpenAI compatibility mode",)),
    (_NOT_FOUND, ("Model not exist",)),
    (_NO_ROUTE, ("Request path not found",)),
    (_WRONG_ENDPOINT, ("url error, please check url",)),
    (_OTHER_BODY, ('Either "prompt" or "messages" must exist', "Required body invalid")),
    (_FILTERED, ("rejected the input image before model inference",)),
    # --- thinking and streams
    (_STREAM_OR_NOT_THINK, ("enable_thinking must be set to false for non-streaming", "enable_thinking only support")),
    (_STREAM_ONLY, ("This model only support stream mode", "does not support http call", "only support with stream")),
    (_ALWAYS_THINKS, ("enable_thinking parameter is restricted to True",)),
    (_NO_THINKING, ("does not support enable_thinking",)),
    (_OURS, ("The incremental_output parameter", "The result_format parameter")),
    (_NO_SEARCH, ("does not support enable_search", "does not support Web Search")),
    # --- the form of the answer
    (_SAY_JSON, ("must contain the word 'json'",)),
    (_JSON_OR_THINKING, ("Json mode response is not supported when enable_thinking",)),
    (_FORMAT, ("Unknown format of response_format",)),
    (_STOP, ('The "stop" parameter must be',)),
    (_RANGE, ("Range of max_tokens", "Temperature should be in", "Range of top_p", "Parameter top_k be greater")),
    (_RANGE, ("Repetition_penalty should be", "Presence_penalty should be", "Range of n should", "Range of seed")),
    (_RANGE, ("than the minimum of", "than the maximum of", "The thinking_budget parameter must be")),
    # --- tools and messages
    (_TOOL_CHOICE, ("tool_choice is one of the strings",)),
    (_FORCED_THINKING, ("The tool_choice parameter does not support",)),
    (_TOOL_NAME, ("Tool names are not allowed",)),
    (_NO_TOOLS, ("The tool call is not supported",)),
    (_ORPHAN_RESULT, ('messages with role "tool" must be',)),
    (_UNANSWERED_CALL, ('message with "tool_calls" must be followed',)),
    (_TOOL_LOOP, ("Repetitive tool calls detected",)),
    (_BAD_ARGUMENTS, ("Expecting ',' delimiter",)),
    (_TEXT_ONLY, ("input content must be a string", "Unexpected item type in content")),
    (_CONTENT_PART, ("should be a message of a certain modal",)),
    (_MESSAGES, ("The content field is a required field", "[] is too short", "elements with the role of user")),
    (_MESSAGES, ("Role must be", "valid dictionary or instance of GPT3Message")),
    # HTTP 500, though the request is at fault: its last message is not the user's.
    (_MESSAGES, ("list index out of range",)),
    # --- embeddings
    (_TOO_MANY_INPUTS, ("batch size is invalid",)),
    (_STRINGS_ONLY, ("contents is neither str nor list of str",)),
    # --- media and files; the missing length comes as HTTP 500
    (_UNREACHABLE_MEDIA, ("The provided URL does not appear to be valid", "Failed to download multimodal content")),
    (_UNREACHABLE_MEDIA, ("Download the media resource", "find the requested media resource")),
    (_UNREACHABLE_MEDIA, ("access the media resource", "Content-Type of multimodal url")),
    (_UNREACHABLE_MEDIA, ("Content-Length of multimodal url",)),
    (_LARGE_MEDIA, ("Exceeded limit on max bytes per data-uri item",)),
    (_MEDIA_LIMITS, ("Multimodal file size is too large", "The image length and width do not meet")),
    (_MEDIA_LIMITS, ("the range of sequence images", "The video file is too long", "format is illegal")),
    (_LANGUAGE, ("暂时不支持当前设置的语种",)),
    (_WRONG_FILE, ("Invalid file [id:",)),
    (_FILE_LIMITS, ("Too many files provided", "exceeds size limit", "exceeds page limits")),
    (_REQUIRED, ("you must provide a model parameter", "Required parameter(", "Field required:")),
)
_BY_TEXT = tuple((text.lower(), row) for row, texts in _TEXTS for text in texts)

# Codes of both protocols, lower-cased; a dotted code without a row takes the one of its longest prefix.
_BY_CODE: dict[str, _Row] = {
    "invalidapikey": _WRONG_KEY,
    "invalid_api_key": _WRONG_KEY,
    "not authorized": _NO_MEMBER,
    "model.accessdenied": _NOT_GRANTED,
    "accessdenied": _DENIED,
    "access_denied": _DENIED,
    "accessdenied.unpurchased": _NOT_ACTIVATED,
    "workspace.accessdenied": _OTHER_WORKSPACE,
    "app.accessdenied": _OTHER_WORKSPACE,
    "endpoint.accessdenied": _OTHER_HOST,
    "allocationquota.freetieronly": _FREE_TIER,
    "arrearage": _OVERDUE,
    "commoditynotpurchased": _NOT_ACTIVATED,
    "prepaidbilloverdue": _OVERDUE,
    "postpaidbilloverdue": _OVERDUE,
    "modelnotfound": _NOT_FOUND,
    "model_not_found": _NOT_FOUND,
    "model.notexist": _NOT_FOUND,
    "model_not_supported": _NATIVE_ONLY,
    "workspacenotfound": _NO_WORKSPACE,
    "notfound": _NO_ROUTE,
    # Per minute and transient, whatever the text says about billing (docs, rate limits, 2026-08-19).
    "insufficient_quota": _THROTTLED,
    "throttling": _THROTTLED,
    "throttling.burstrate": _BURST,
    "throttling.concurrency": _CONCURRENCY,
    "limitrequests": _THROTTLED,
    "limit_requests": _THROTTLED,
    "limit_burst_rate": _BURST,
    "resourceexhausted": _THROTTLED,
    "datainspectionfailed": _FILTERED,
    "data_inspection_failed": _FILTERED,
    "faqruleblocked": _FILTERED,
    "customroleblocked": _FILTERED,
    "ipinfringementsuspect": _FILTERED,
    "invalidparameter": _REFUSED,
    "invalidparameter.notsupportenablethinking": _NO_THINKING,
    "invalidparameter.datainspection": _UNREACHABLE_MEDIA,
    "invalid_parameter_error": _REFUSED,
    "invalid_value": _REFUSED,
    "badrequest": _REFUSED,
    "badrequest.inputdownloadfailed": _UNREACHABLE_MEDIA,
    "badrequest.unsupportedfileformat": _MEDIA_LIMITS,
    "badrequest.toolarge": _TOO_LARGE,
    "badrequestexception": _REFUSED,
    "invalidurl": _UNREACHABLE_MEDIA,
    "invalidfile": _MEDIA_LIMITS,
    "invalidfile.downloadfailed": _UNREACHABLE_MEDIA,
    "invalidimage": _MEDIA_LIMITS,
    "invalidimageformat": _MEDIA_LIMITS,
    "invalidimageresolution": _MEDIA_LIMITS,
    "unsupportedoperation": _REFUSED,
    "conflict": _REFUSED,
    "internalerror": _FAILED,
    "internal_error": _FAILED,
    # The inference engine's refusals of the request itself come as HTTP 400 under this code.
    "internalerror.algo.invalidparameter": _REFUSED,
    "systemerror": _FAILED,
    "modelservicefailed": _FAILED,
    "modelservingerror": _BUSY,
    "modelunavailable": _BUSY,
    "serviceunavailable": _FAILED,
    "requesttimeout": _TOO_SLOW,
    "responsetimeout": _TOO_SLOW,
}

_BY_STATUS: dict[int, _Row] = {
    401: _WRONG_KEY,
    402: _UNPAID,
    403: _OTHER_WORKSPACE,
    404: _NOT_FOUND,
    408: _TOO_SLOW,
    413: _TOO_LARGE,
    429: _THROTTLED,
}
_REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 300, 400, 500


def _named(failure: Mapping[str, str | None]) -> _Row | None:
    """Return the row of a failure by what its body says, `None` if it says nothing that is known."""
    message = (failure.get("message") or "").lower()
    for text, row in _BY_TEXT:
        if text in message:
            return row
    prefix = _code(failure).lower()
    while prefix:
        if found := _BY_CODE.get(prefix):
            return found
        prefix = prefix.rpartition(".")[0]
    return None


def _code(failure: Mapping[str, str | None]) -> str:
    # The compatible protocol at times puts the code into `type` and leaves `code` null (recording of 2026-02-25).
    return failure.get("code") or failure.get("type") or ""


def _of_status(status_code: int | None, code: str) -> _Row:
    if status_code in _BY_STATUS:
        return _BY_STATUS[status_code]
    if status_code is not None and status_code >= _SERVER_ERROR:
        return _FAILED
    if (status_code is not None and status_code >= _CLIENT_ERROR) or code == "invalid_request_error":
        return _REFUSED
    return _ELSEWHERE if status_code is not None and status_code >= _REDIRECT else _Row(QwenWorkspaceError)


def read_failure(body: object, *, failed: bool = False) -> dict[str, str | None] | None:
    """Return `code`, `message`, `request_id` and `type` if an answer's body is an error in either protocol's shape.

    Both shapes come on both protocols, and inside answers of status 200 as well: as the whole body of a request
    that a rule stopped, or as an event of a stream.

    Args:
        body: The body, or one event.
        failed: Whether its status or its event's name says that it is an error.
    """
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        inner = error
    elif isinstance(error, str) and error:
        inner = {"message": error}
    elif (failed and body.get("message")) or (body.get("code") and "choices" not in body and not body.get("output")):
        inner = body
    else:
        return None
    return {
        "code": _text(inner.get("code")),
        "type": _text(inner.get("type")),
        "message": _text(inner.get("message")),
        "request_id": _text(body.get("request_id")),
    }


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def error_for(
    failure: Mapping[str, str | None],
    *,
    status_code: int | None,
    model: str | None,
    destination: Destination,
    request_id: str | None = None,
) -> QwenWorkspaceError:
    """Return the error for a failure that the service declared.

    Args:
        failure: What `read_failure` found in the body; empty if the body said nothing.
        status_code: The HTTP status, or that of the event; `None` if a stream's event did not name one.
        model: The model that was called.
        destination: Who was called.
        request_id: The id in the headers, used where the body has none.
    """
    row = _named(failure) or _of_status(status_code, _code(failure))
    place = {
        "model": repr(model) if model else "the model",
        "region": destination.region,
        "workspace": f"workspace {destination.workspace_id}" if destination.workspace_id else "the key's workspace",
        "workspace_id": destination.workspace_id or "not given",
    }
    return row.kind(
        failure.get("message") or f"The service answered with HTTP status {status_code} and no message.",
        code=failure.get("code"),
        status_code=status_code,
        request_id=failure.get("request_id") or request_id,
        model=model,
        protocol=destination.protocol,
        region=destination.region,
        workspace_id=destination.workspace_id,
        hint=row.hint.format(**place) if row.hint else None,
    )
