"""The service's errors: how each is recognized (text, code, status), which error it becomes, and what to do about it.

Model Studio docs, error codes, 2026-08-18, unless a comment names another source. Patterns also recognize the words of
gateways and of other servers behind a `base_url` (OpenAI, Anthropic, vLLM, SGLang, llama.cpp, Envoy; sources and public
reports of 2024 to 2026).
"""

from __future__ import annotations

from typing import NamedTuple

from langchain_qwen_workspace import errors


class ErrorRow(NamedTuple):
    """One kind of failure.

    Attributes:
        error_class: The class of the error.
        hint: What to do. It may name `{model}`, `{region}`, `{workspace}` ("workspace ws-1") and `{workspace_id}`.
        codes: Error codes of both protocols, in lower case. A dotted code without a row takes the row of its longest
            prefix.
        texts: Parts of messages that say more than the code beside them, or that come without a code; the case of
            letters does not matter. No known message matches two rows.
        patterns: Regular expressions that do the same for a whole report, `<status> <code>: <message>`, for kinds of
            messages whose words differ. Those of the first row that matches count.
        statuses: HTTP statuses that mean this where neither text nor code is known.
        types: Names of kinds of errors, in lower case, that mean this where no text, code or status is known.
    """

    error_class: type[errors.QwenWorkspaceError]
    hint: str
    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    types: tuple[str, ...] = ()


def _request_error(
    hint: str,
    *texts: str,
    codes: tuple[str, ...] = (),
    patterns: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (),
    types: tuple[str, ...] = (),
) -> ErrorRow:
    return ErrorRow(errors.InvalidRequestError, hint, codes, texts, patterns, statuses, types)


# Rows for statuses that have no row of their own.

FAILED = ErrorRow(
    errors.ServerError,
    "The service failed: try again. If this goes on, contact Alibaba Cloud's support with the request id.",
    codes=("internalerror", "internal_error", "systemerror", "modelservicefailed", "serviceunavailable"),
    types=("server_error", "api_error", "internalservererror"),
)
REFUSED = _request_error(
    "The same request is refused again: change what the message names.",
    codes=(
        "invalidparameter",
        "invalid_parameter_error",
        "invalid_value",
        "badrequest",
        "badrequestexception",
        "unsupportedoperation",
        "conflict",
    ),
    types=("invalid_request_error", "badrequesterror"),
)
REDIRECTED = ErrorRow(
    errors.InvalidResponseError,
    "Redirects are not followed, so that the key and the conversation reach no other host: correct `base_url`.",
)

ERROR_ROWS = (
    # --- keys, workspaces and models
    ErrorRow(
        errors.AuthenticationError,
        "A key works only in the region and plan it was created in, and {region} was called: set `region=` or "
        "DASHSCOPE_REGION to the region that the console shows for the key, and check the key for typos.",
        codes=("invalidapikey", "invalid_api_key"),
        statuses=(401,),
        types=("authentication_error",),
    ),
    ErrorRow(
        errors.AuthenticationError,
        "No key arrived: set `api_key=` or DASHSCOPE_API_KEY. If one is set, a gateway removed the header "
        "`Authorization`.",
        texts=("You didn't provide an API key",),
        patterns=(
            r"\bno (api[- ]?key|authorization header|credentials?)\b.{0,20}\b(provided|found|given)\b",
            r"\bmissing (api[- ]?key|authorization|authentication)\b",
        ),
    ),
    ErrorRow(
        errors.AuthenticationError,
        "The key belongs to another plan than the host that was called: a plan's keys (`sk-sp-…`) work only at the "
        "plan's own `base_url`, and other keys only without one.",
        texts=("invalid access token or token expired",),
    ),
    ErrorRow(
        errors.AuthenticationError,
        "Check `workspace_id=` or DASHSCOPE_WORKSPACE ({workspace_id}) and `region=` or DASHSCOPE_REGION ({region}): "
        "the workspace does not exist, or the owner of the key is not a member of it.",
        codes=("not authorized",),
        texts=("not authorized to access this workspace",),
    ),
    # Only a super administrator may grant it (Model Studio docs, permission management, 2026-08-11).
    ErrorRow(
        errors.PermissionDeniedError,
        "{model} is not granted to {workspace}: a super administrator of the account can grant it in the Model Studio "
        "console ({region}), under the workspace's model permissions. A model of another workspace needs its key.",
        codes=("model.accessdenied",),
        texts=("Model access denied",),
    ),
    ErrorRow(
        errors.PermissionDeniedError,
        "Access to {model} must be requested in the console ({region}), or it is retired, or it belongs to a plan that "
        "the key is not part of: use another model, or check that it is granted to {workspace}.",
        codes=("accessdenied", "access_denied"),
    ),
    ErrorRow(
        errors.PermissionDeniedError,
        "The key does not belong to {workspace} in {region}, or that workspace may not use {model}: check that "
        "`api_key` and `workspace_id` belong together. Without `workspace_id` the region's shared host is called.",
        codes=("workspace.accessdenied", "app.accessdenied"),
        statuses=(403,),
        types=("permission_error",),
    ),
    # The Coding Plan refuses other programs with HTTP 405: "only available for Coding Agents" (public reports, 2026).
    ErrorRow(
        errors.PermissionDeniedError,
        "The key's plan serves only what the message names: use a pay-as-you-go key at the host of its region, without "
        "the plan's `base_url`.",
        patterns=(
            r"^405 .*\bonly available (for|to|with|in)\b",
            r"\bplan\b.{0,40}\bonly available (for|to|with|in)\b",
            r"\bonly available (for|to|with|in)\b.{0,60}\b(plan|subscri\w*|members?)\b",
        ),
    ),
    # The docs name only the second cause; users reported the first one (2026).
    ErrorRow(
        errors.PermissionDeniedError,
        "The host of a workspace (`workspace_id`: {workspace_id}) accepts only that workspace's keys, or {model} is "
        "retired: check that `api_key` and `workspace_id` belong together, or use a current model.",
        codes=("endpoint.accessdenied",),
        texts=("Workspace endpoint access denied",),
    ),
    ErrorRow(
        errors.PermissionDeniedError,
        "{model} does not work with the header `X-DashScope-Async`: remove it from `default_headers`.",
        texts=("does not support asynchronous calls", "does not support synchronous calls"),
    ),
    ErrorRow(
        errors.NotFoundError,
        "Check the name {model} for typos, and whether {region} offers it: the service answers the same for a retired "
        "model and for one of another region.",
        codes=("modelnotfound", "model_not_found", "model.notexist"),
        texts=("Model not exist",),
        statuses=(404,),
        types=("not_found_error",),
    ),
    # Deployed models are called with a key of their workspace, and at first only natively (Model Studio docs,
    # permission management, 2026-06-05).
    ErrorRow(
        errors.NotFoundError,
        "{workspace} has no deployment of this name in {region}: check its name and state in the console. A deployed "
        'model accepts only keys of its own workspace, and may need `protocol="dashscope"`.',
        codes=("deploymentnotfound",),
        patterns=(
            r"\bdeployment\b.{0,60}\b(not found|not be found|not exist)\b",
            r"\bmodel: ?\S{1,100} not found\b",
        ),
    ),
    ErrorRow(
        errors.NotFoundError,
        "The Batch API does not offer {model} in {region}: use another model.",
        texts=("is not supported by the Batch API",),
    ),
    ErrorRow(
        errors.NotFoundError,
        '{model} is not served over `protocol="openai"`: use `protocol="dashscope"`.',
        codes=("model_not_supported",),
        texts=("for OpenAI compatibility mode",),
    ),
    ErrorRow(
        errors.NotFoundError,
        "Check `workspace_id=` or DASHSCOPE_WORKSPACE ({workspace_id}) and `region=` or DASHSCOPE_REGION ({region}).",
        codes=("workspacenotfound",),
    ),
    ErrorRow(
        errors.NotFoundError,
        "Check `base_url`, if it was given: its path may be the other protocol's. Give only the origin.",
        codes=("notfound",),
        texts=("Request path not found",),
    ),
    # --- bills
    ErrorRow(
        errors.BillingError,
        "Payment is required: pay in the Alibaba Cloud console. Retries are refused until then.",
        statuses=(402,),
        types=("billing_error",),
    ),
    ErrorRow(
        errors.BillingError,
        "The Alibaba Cloud account has an overdue bill: pay it in the console. Retries are refused until then.",
        codes=("arrearage", "prepaidbilloverdue", "postpaidbilloverdue"),
    ),
    ErrorRow(
        errors.BillingError,
        "Model Studio is not activated for the account in {region}: activate it in the console.",
        codes=("accessdenied.unpurchased", "commoditynotpurchased"),
    ),
    ErrorRow(
        errors.BillingError,
        "{model} is not activated for the account in {region}: activate it in the console.",
        texts=("The product is not activated",),
    ),
    ErrorRow(
        errors.BillingError,
        "The free tier of {model} is used up. Switch off “stop when the free tier is used up” in the console "
        "({region}) to be billed, or use another model.",
        codes=("allocationquota.freetieronly",),
        texts=("Free allocated quota exceeded",),
        patterns=(
            r"\bfree (tier|quota|trial)\b.{0,40}\b(exhausted|exceeded|used up|expired|run out)\b",
            r"免费额度.{0,10}(用尽|用完|耗尽|不足)",
        ),
    ),
    # A quota of tokens per minute has the same codes, and texts that say nothing of a plan or of a reset.
    ErrorRow(
        errors.BillingError,
        "The plan's quota is used up: wait until it is reset, or buy a larger plan.",
        texts=("usage allocated quota exceeded", "您当前的配额为"),
        patterns=(
            r"\b(hour|dai|day|week|month)(ly)?[- ](\w+ )?(quota|usage limit)\b",
            r"^(?!.*\b(minute|second|[rt]pm)\b).*(?<!free )\bquota\b.{0,40}\b(exhausted|used up|depleted|run out)\b",
            r"\b(exhausted|used up|run out of) (the |your |its )?((?!free\b)[\w-]+ )?quota\b",
            r"^\S* \S*(allocationquota|insufficient_quota): .*\bresets? (at|on)\b",
            (
                r"^\S* \S*(allocationquota|insufficient_quota): (?!.*\b(minute|second|[rt]pm|check your plan))"
                r".*\b(plan|subscription|package|credits|(hour|dai|day|week|month)(ly)?[- ]limit)\b"
            ),
            r"(?<!免费)(额度|配额).{0,10}(用尽|用完|耗尽|不足)",
        ),
    ),
    ErrorRow(
        errors.BillingError,
        "A quota that is paid for is used up, such as the free tier of {model} or that of a plan: change to paid use "
        "in the console ({region}), or wait until it is reset.",
        patterns=(r"^40[23] (insufficient_quota|(throttling\.)?allocationquota):",),
    ),
    # --- limits and temporary failures
    ErrorRow(
        errors.RateLimitError,
        "The limit is per minute and shared by the account: wait, or apply for a higher limit.",
        # `insufficient_quota` too, whatever its text says about billing (docs, rate limits, 2026-08-19).
        codes=("throttling", "limitrequests", "limit_requests", "resourceexhausted", "insufficient_quota"),
        statuses=(429,),
        types=("rate_limit_error", "rate_limit_exceeded"),
    ),
    ErrorRow(
        errors.RateLimitError,
        "The rate of requests rose too quickly: start with fewer requests at once, and increase slowly.",
        codes=("throttling.burstrate", "limit_burst_rate"),
    ),
    ErrorRow(
        errors.RateLimitError,
        "Too many calls ran at the same time: lower `max_concurrency`.",
        codes=("throttling.concurrency",),
        texts=("concurrency allocated quota exceeded",),
    ),
    ErrorRow(
        errors.RateLimitError,
        "The Batch API is short of capacity: submit the batch again later.",
        texts=("Batch requests are being throttled",),
    ),
    ErrorRow(
        errors.ServerError,
        "The service is short of capacity: wait and try again, or use another model.",
        codes=("modelservingerror", "modelunavailable"),
        types=("overloaded_error",),
    ),
    ErrorRow(
        errors.ServerError,
        "No server offers {model} at the moment: try again. If this goes on, check the account for an overdue bill.",
        texts=("No backend server available",),
    ),
    ErrorRow(
        errors.ServerError,
        "The service is still parsing the file: try again in a minute.",
        texts=("File parsing in progress",),
    ),
    ErrorRow(
        errors.ServerError,
        "The model called a tool with invalid JSON: try again, or simplify the tool's schema.",
        texts=("Expecting ',' delimiter",),
    ),
    ErrorRow(
        errors.APITimeoutError,
        "The answer took too long: stream it, or ask for a shorter one.",
        codes=("requesttimeout", "responsetimeout", "gatewaytimeout"),
        patterns=(
            r"\b(gateway|upstream|request|response)( request| response)? time-?d?[- ]?out\b",
            r"\bdeadline[ _]?exceeded\b",
        ),
        # 524 is Cloudflare's.
        statuses=(408, 504, 524),
        types=("timeout_error",),
    ),
    ErrorRow(
        errors.APIConnectionError,
        "The connection to the service was closed before the answer was complete: try again. If this goes on, raise "
        "the time limit of the gateway or proxy in between.",
        patterns=(
            r"\bclient ?(disconnect|\b.{0,20}\b(disconnect\w*|closed|cancell?ed)\b)",
            r"\b(cancell?ed|closed|aborted) by (the )?client\b",
        ),
        # nginx's and AWS's statuses for a client that closed its connection.
        statuses=(499, 460),
    ),
    FAILED,
    # --- requests: thinking, streams, parameters
    REFUSED,
    ErrorRow(
        errors.ContextLengthError,
        "Shorten or trim the input, or use a model with a larger context.",
        codes=("context_length_exceeded", "exceed_context_size_error"),
        texts=("Range of input length should be", "Total message token length exceed model limit"),
        patterns=(
            r"\b(maximum|available|model'?s) context (length|size|window)\b",
            r"\bcontext (length|size|window|limit)\b.{0,20}\bexceed",
            r"\bexceed\w*\b.{0,30}\bcontext (length|size|window|limit)\b",
            r"\b(prompt|input)( \([^)]*\))? is too long\b",
            r"\bexceed\w* (the )?model'?s? (token limit|max\w* input)\b",
            r"\blonger than the (maximum model|model's context) length\b",
            r"\binput (tokens?|length)\b.{0,20}\bexceeds? the (maximum|configured)\b",
        ),
    ),
    ErrorRow(
        errors.ContentFilterError,
        "The content inspection found the input or the answer inappropriate: change the input.",
        codes=(
            "datainspectionfailed",
            "data_inspection_failed",
            "faqruleblocked",
            "customroleblocked",
            "ipinfringementsuspect",
        ),
        texts=("rejected the input image before model inference",),
    ),
    _request_error(
        "{model} is served by the other of DashScope's two chat endpoints, text and multimodal. For a fine-tuned or "
        "deployed model, give the model it was made from as `base_model`; otherwise please report the model.",
        "url error, please check url",
    ),
    _request_error(
        "The service read the request as one of the other protocol: give only the origin as `base_url`.",
        'Either "prompt" or "messages" must exist',
        "Required body invalid",
    ),
    _request_error(
        "{model} answers such a call only as a stream: set `streaming=True`, or call `stream`.",
        "This model only support stream mode",
        "does not support http call",
        "only support with stream",
    ),
    _request_error(
        "{model} thinks only in a stream: set `streaming=True`, or `enable_thinking=False`.",
        "enable_thinking must be set to false for non-streaming",
        "enable_thinking only support",
    ),
    _request_error(
        "{model} does not think: leave out `enable_thinking`, or use a model that thinks.",
        "does not support enable_thinking",
        codes=("invalidparameter.notsupportenablethinking",),
    ),
    _request_error(
        "{model} always thinks: leave out `enable_thinking`, or use a model whose thinking can be switched off.",
        "enable_thinking parameter is restricted to True",
    ),
    _request_error(
        "Set the parameter to a value in the range that the message names, or leave it out.",
        "Range of max_tokens",
        "Temperature should be in",
        "Range of top_p",
        "Parameter top_k be greater",
        "Repetition_penalty should be",
        "Presence_penalty should be",
        "Range of n should",
        "Range of seed",
        "than the minimum of",
        "than the maximum of",
        "The thinking_budget parameter must be",
    ),
    _request_error(
        "Leave the parameter out: it is set as the model needs it.",
        "The incremental_output parameter",
        "The result_format parameter",
    ),
    _request_error(
        "Give the parameter that the message names, as an argument or in `model_kwargs`.",
        "you must provide a model parameter",
        "Required parameter(",
        "Field required:",
    ),
    _request_error(
        "{model} cannot search the web in such a call: leave out `enable_search`, or stream the answer.",
        "does not support enable_search",
        "does not support Web Search",
    ),
    _request_error(
        "Say in a message that the answer has to be JSON, and with which keys.", "must contain the word 'json'"
    ),
    _request_error(
        "{model} does not write JSON while it thinks: set `enable_thinking=False`.",
        "Json mode response is not supported when enable_thinking",
    ),
    _request_error(
        "Use `with_structured_output`, or a `response_format` of a type that the service has.",
        "Unknown format of response_format",
    ),
    _request_error("Give `stop` as a string or a list of strings.", 'The "stop" parameter must be'),
    _request_error("Set `translation_options` to languages that {model} supports.", "暂时不支持当前设置的语种"),
    # --- requests: tools and messages
    _request_error(
        '{model} accepts `"auto"`, `"none"` or the name of one tool as `tool_choice`.',
        "tool_choice is one of the strings",
    ),
    _request_error(
        "A tool cannot be forced while {model} thinks: set `enable_thinking=False`, or use `auto`.",
        "The tool_choice parameter does not support",
    ),
    _request_error("Give the tool another name.", "Tool names are not allowed"),
    _request_error(
        "{model} does not support tools: leave them out, or use another model.", "The tool call is not supported"
    ),
    _request_error(
        "A tool call in the conversation has arguments that are not valid JSON: correct them, or leave out that "
        "message and its tool messages.",
        patterns=(
            r"\bfunction\W{0,3}arguments\b.{0,60}\bjson\b",
            r"\barguments\b.{0,40}\b(not|invalid|must be)\b.{0,20}\bjson\b",
        ),
    ),
    _request_error(
        "Keep the assistant message with the tool calls in the history, before their tool messages.",
        'messages with role "tool" must be',
    ),
    _request_error(
        "Answer every tool call of an assistant message with one tool message, directly after it.",
        'message with "tool_calls" must be followed',
    ),
    _request_error(
        "The model calls the same tool again and again: limit the steps, or say in the prompt when to stop.",
        "Repetitive tool calls detected",
    ),
    _request_error(
        "{model} accepts only text: leave media out, or use a model with image, audio or video input.",
        "input content must be a string",
        "Unexpected item type in content",
    ),
    _request_error(
        "Send at least one user message, each message with content and a role that the service has, and a user or tool "
        "message as the last one.",
        "The content field is a required field",
        "[] is too short",
        "elements with the role of user",
        "Role must be",
        "valid dictionary or instance of GPT3Message",
        # HTTP 500, though the request is at fault: its last message is not the user's.
        "list index out of range",
    ),
    _request_error(
        "Write the content as LangChain's content blocks: text, image, audio or video.",
        "should be a message of a certain modal",
    ),
    # --- requests: embeddings, media and files
    _request_error("{model} takes fewer inputs in one request: lower `chunk_size`.", "batch size is invalid"),
    _request_error(
        "{model} embeds strings: pass texts, not tokens or objects.", "contents is neither str nor list of str"
    ),
    _request_error(
        "The service downloads media itself ({region}): give a public URL that needs no login and whose server sends "
        "`Content-Type` and `Content-Length`, or send the file's bytes as base64.",
        "The provided URL does not appear to be valid",
        "Failed to download multimodal content",
        "Download the media resource",
        "find the requested media resource",
        "access the media resource",
        "Content-Type of multimodal url",
        # HTTP 500, though the request is at fault.
        "Content-Length of multimodal url",
        codes=(
            "invalidparameter.datainspection",
            "badrequest.inputdownloadfailed",
            "invalidurl",
            "invalidfile.downloadfailed",
        ),
    ),
    _request_error(
        "The file is too large for a data URI: give a URL instead, or a smaller file.",
        "Exceeded limit on max bytes per data-uri item",
    ),
    _request_error(
        "Change the file to a size, length and format that the message names and {model} accepts.",
        "Multimodal file size is too large",
        "The image length and width do not meet",
        "the range of sequence images",
        "The video file is too long",
        "format is illegal",
        codes=(
            "badrequest.unsupportedfileformat",
            "invalidfile",
            "invalidimage",
            "invalidimageformat",
            "invalidimageresolution",
        ),
    ),
    _request_error(
        "The request is too large: send media by URL, or fewer messages.",
        codes=("badrequest.toolarge",),
        statuses=(413,),
    ),
    _request_error(
        "The key's workspace in {region} has no file with this id: upload the file with the same key.",
        "Invalid file [id:",
    ),
    _request_error(
        "Send fewer or smaller files; the message names the limit.",
        "Too many files provided",
        "exceeds size limit",
        "exceeds page limits",
    ),
    # --- responses that are neither answers nor errors
    REDIRECTED,
)
