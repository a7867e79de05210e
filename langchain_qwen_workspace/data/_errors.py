"""The service's errors: how each is recognized (text, code, status), which error it becomes, and what to do about it.

Model Studio docs, error codes, 2026-08-18, unless a comment names another source. Patterns also recognize the words of
gateways and of other servers behind a `base_url` (OpenAI, Anthropic, vLLM, SGLang, llama.cpp, Envoy; sources and public
reports of 2024 to 2026).
"""

from __future__ import annotations

from langchain_qwen_workspace import errors
from langchain_qwen_workspace.data._error_row import ErrorRow
from langchain_qwen_workspace.data._request_errors import REQUEST_ROWS

OTHER_ENDPOINT_TEXTS = ("url error, please check url", "belongs to the other endpoint")
"""Parts of messages, in lower case, which say that the protocol's other endpoint serves the model."""

# Rows for statuses that have no row of their own.

FAILED = ErrorRow(
    errors.ServerError,
    "The service failed: try again. If it fails again, contact Alibaba Cloud's support with the request id.",
    codes=("internalerror", "internal_error", "systemerror", "modelservicefailed", "serviceunavailable"),
    types=("server_error", "api_error", "internalservererror"),
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
        "DASHSCOPE_REGION, or the host of `base_url`, to the region that the console shows for the key, and check the "
        "key for typos.",
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
        "console ({region}), under the workspace's model permissions. To call a model of another workspace, use that "
        "workspace's key.",
        is_about_model=True,
        codes=("model.accessdenied",),
        texts=("Model access denied",),
    ),
    ErrorRow(
        errors.PermissionDeniedError,
        "{model} must be requested in the console ({region}) first, is retired, or belongs to a plan that the key is "
        "not part of: use another model, or check that it is granted to {workspace}.",
        is_about_model=True,
        codes=("accessdenied", "access_denied"),
    ),
    ErrorRow(
        errors.PermissionDeniedError,
        "The key does not belong to the workspace that was called (`workspace_id`: {workspace_id}, {region}), or the "
        "workspace may not use {model}: check that `api_key` and `workspace_id` belong together. Without "
        "`workspace_id` the region's shared host is called.",
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
        "A workspace's host (`workspace_id`: {workspace_id}) accepts only that workspace's keys, and no retired model: "
        "check that `api_key` and `workspace_id` belong together, and that {model} is not retired.",
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
        "Check the name {model} for typos, and whether {region} offers it: the service gives the same answer for a "
        "retired model and for a model of another region.",
        is_about_model=True,
        codes=("modelnotfound", "model_not_found", "model.notexist"),
        texts=("Model not exist",),
        statuses=(404,),
        types=("not_found_error",),
    ),
    # Deployed models are called with a key of their workspace, and at first only natively (Model Studio docs,
    # permission management, 2026-06-05).
    ErrorRow(
        errors.NotFoundError,
        "There is no deployment of this name in {workspace} ({region}): check its name and state in the console. A "
        'deployed model accepts only keys of its own workspace, and may need `protocol="dashscope"`.',
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
        "Check `base_url`, if you gave one: its path may be another protocol's. Give only the origin.",
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
        "The free tier of {model}, or the quota of a plan, is used up: switch to pay-as-you-go in the console "
        "({region}), or wait until the plan's quota is reset.",
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
        # The Responses API says so in a failed response with HTTP 200 (QwenCloud docs, create-response page, 2026).
        patterns=(r"^\S* server_error: .*\brequest rate limit exceeded\b",),
    ),
    ErrorRow(
        errors.RateLimitError,
        "The rate of requests rose too quickly: start with fewer requests at once, and increase slowly.",
        codes=("throttling.burstrate", "limit_burst_rate"),
    ),
    ErrorRow(
        errors.RateLimitError,
        "Too many calls ran at the same time: lower `max_concurrency` of the embeddings, of a `WorkspaceGuard`, or in "
        "the config of `batch`.",
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
        "No server offers {model} at the moment: try again. If it fails again, check the account for an overdue bill.",
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
        "The connection to the service was closed before the answer was complete: try again. If it happens again, "
        "raise the time limit of the gateway or proxy in between.",
        patterns=(
            r"\bclient ?(disconnect|\b.{0,20}\b(disconnect\w*|closed|cancell?ed)\b)",
            r"\b(cancell?ed|closed|aborted) by (the )?client\b",
        ),
        # nginx's and AWS's statuses for a client that closed its connection.
        statuses=(499, 460),
    ),
    FAILED,
    *REQUEST_ROWS,
    # --- responses that are neither answers nor errors
    REDIRECTED,
)
