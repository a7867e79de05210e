"""The service's errors whose cause is the request: its parameters, messages, tools, media and files.

Sources: as in `data._errors`.
"""

from __future__ import annotations

from langchain_qwen_workspace import errors
from langchain_qwen_workspace.data._error_row import ErrorRow
from langchain_qwen_workspace.data._responses import UNKNOWN_ID


def _request_error(
    hint: str,
    *texts: str,
    codes: tuple[str, ...] = (),
    patterns: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (),
    types: tuple[str, ...] = (),
) -> ErrorRow:
    return ErrorRow(errors.InvalidRequestError, hint, codes, texts, patterns, statuses, types)


# For statuses that have no row of their own.
REFUSED = _request_error(
    "The same request would be refused again: change what the message names.",
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

REQUEST_ROWS = (
    # --- requests: thinking, streams, parameters
    REFUSED,
    _request_error(
        "The service keeps a response for 7 days, only in its workspace and region, and only without `store=False`. "
        "Send the whole conversation without the id, or use `use_previous_response_id=True`, which then does so.",
        patterns=(UNKNOWN_ID,),
    ),
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
        'deployed model, give the model it was made from as `base_model`; for any other, use `protocol="openai"`, and '
        "please report the model.",
        "url error, please check url",
    ),
    _request_error(
        "The service read the request as one of another protocol: give only the origin as `base_url`.",
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
        "Leave the parameter out: this package sets it as the model needs it.",
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
        "Say in a message that the answer must be JSON, and with which keys.", "must contain the word 'json'"
    ),
    _request_error(
        "{model} does not write JSON while it thinks: set `enable_thinking=False`.",
        "Json mode response is not supported when enable_thinking",
    ),
    _request_error(
        'Use `with_structured_output`, or a `response_format` whose `type` is "text", "json_object" or "json_schema".',
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
        'A tool cannot be forced while {model} thinks: set `enable_thinking=False`, or `tool_choice="auto"`.',
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
        "Keep the assistant message with the tool calls in the history, before the tool messages that answer them.",
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
)
