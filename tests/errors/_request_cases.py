"""The service's refusals of a request, each with the error that it becomes; `_cases` has the other errors.

Messages: Model Studio docs, error codes, 2026-08-18.
"""

from langchain_qwen_workspace import ContentFilterError, ContextLengthError, InvalidRequestError
from tests.errors._case import ALGO, ALGO_500, INVALID, NO_THINKING, UNKNOWN, cases, request_error_cases

INSPECTED = "Input or output data may contain inappropriate content."

REQUEST_CASES = [
    *request_error_cases(
        "refused again",
        (400, INVALID, "Request method 'GET' is not supported."),
        (400, "BadRequest.EmptyInput", "The input is empty."),
        (400, "BadRequest.EmptyParameters", "The parameters are empty."),
        (400, "BadRequest.EmptyModel", "The model is empty."),
        (400, "BadRequest.IllegalInput", "The input is illegal."),
        (400, "BadRequest.ResourceNotExist", "The resource does not exist."),
        (400, None, UNKNOWN),
        (400, INVALID, "'messages' must contain 'json'."),
        (409, ("Conflict", "conflict"), "Model instance already exists."),
        (422, ("Unheard.Of", "unheard_of"), UNKNOWN),
        (400, ALGO, "<400> InternalError.Algo.InvalidParameter: Required parameter missing or invalid."),
        (400, ("InvalidParameter", "invalid_value"), UNKNOWN),
        (400, "BadRequest", UNKNOWN),
        (400, "BadRequestException", UNKNOWN),
        (400, "UnsupportedOperation", UNKNOWN),
    ),
    *cases(
        InvalidRequestError,
        ("keeps a response for 7 days",),
        (400, None, "Response with id 'r1' not found."),
        (400, None, "Conversation with id 'c1' not found."),
    ),
    *cases(
        ContextLengthError,
        ("Shorten",),
        (400, ALGO, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 5]"),
        (400, INVALID, "Total message token length exceed model limit (5 tokens)."),
        (400, "context_length_exceeded", UNKNOWN),
        (400, "exceed_context_size_error", UNKNOWN),
        (
            400,
            None,
            "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens.",
        ),
        (400, None, "prompt is too long: 208310 tokens > 200000 maximum"),
        (400, None, "Input is too long for requested model."),
        (400, None, "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
        (400, None, "Your input exceeds the context window of this model. Please adjust your input and try again."),
        (400, None, "The request's context length exceeds the limit."),
        (400, None, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
        (400, None, "The input (5000 tokens) is longer than the model's context length (4096 tokens)."),
        (400, None, "the request exceeds the available context size, try increasing it"),
        (400, None, "The prompt (total length 40000) is too long to fit into the model."),
        (400, None, "Input length 33000 exceeds the maximum length 32768."),
        (400, None, "Your request exceeded model token limit: 131072."),
        (400, None, "Input length exceeds the model's max input length."),
        (400, None, "Input tokens exceed the configured limit of 272000 tokens."),
        (400, None, "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."),
    ),
    *cases(
        ContentFilterError,
        ("content inspection",),
        (400, ("DataInspectionFailed", "data_inspection_failed"), INSPECTED),
        (400, None, "Qwen rejected the input image before model inference; no"),
        (400, "FaqRuleBlocked", "The input hits a rule of the question list."),
        (400, "CustomRoleBlocked", "The input hits a rule of the account."),
        (400, "IPInfringementSuspect", "The input is suspected of infringing intellectual property."),
    ),
    *request_error_cases("`base_model`", (400, INVALID, "url error, please check url\uff01")),
    *request_error_cases(
        "only the origin as `base_url`",
        (400, INVALID, 'Either "prompt" or "messages" must exist and cannot both be none'),
        (400, INVALID, "Required body invalid, please check the request body format."),
    ),
    *request_error_cases(
        ("only as a stream", "`streaming=True`"),
        (400, INVALID, "This model only support stream mode, please enable the stream parameter to access the model."),
        (400, INVALID, "current user api does not support http call."),
        (400, INVALID, "'audio' output only support with stream=true"),
    ),
    *request_error_cases(
        ("thinks only in a stream", "`streaming=True`"),
        (400, INVALID, "parameter.enable_thinking must be set to false for non-streaming calls"),
        (400, INVALID, "parameter.enable_thinking only support stream call"),
    ),
    *request_error_cases(
        "'qwen-plus' does not think",
        (400, (NO_THINKING, "invalid_parameter_error"), "The model does not support enable_thinking."),
        (400, (NO_THINKING, "invalid_value"), "The model does not support enable_thinking."),
        (400, NO_THINKING, UNKNOWN),
    ),
    *request_error_cases(
        "'qwen-plus' always thinks", (400, INVALID, "The value of the enable_thinking parameter is restricted to True.")
    ),
    *request_error_cases(
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
    *request_error_cases(
        "Leave the parameter out",
        (400, INVALID, 'The incremental_output parameter must be "true" when enable_thinking is true'),
        (400, INVALID, "The incremental_output parameter of this model cannot be set to False."),
        (400, INVALID, 'The result_format parameter must be "message" when enable_thinking is true'),
    ),
    *request_error_cases(
        "Give the parameter",
        (400, INVALID, "Required parameter(x) missing or invalid, please check the request parameters."),
        (400, INVALID, "you must provide a model parameter."),
        (400, INVALID, "Field required: input"),
    ),
    *request_error_cases(
        "`enable_search`",
        (400, INVALID, "This model does not support enable_search."),
        (400, INVALID, "Non-streaming mode does not support Web Search"),
    ),
    *request_error_cases(
        "must be JSON",
        (400, INVALID, "'messages' must contain the word 'json' in some form, to use 'response_format'"),
    ),
    *request_error_cases(
        "`enable_thinking=False`", (400, INVALID, "Json mode response is not supported when enable_thinking is true")
    ),
    *request_error_cases(
        "`with_structured_output`",
        (400, INVALID, "Unknown format of response_format, response_format should be a dict"),
    ),
    *request_error_cases("list of strings", (400, INVALID, 'The "stop" parameter must be of type "str", "list[str]"')),
    *request_error_cases("`translation_options`", (400, INVALID, "暂时不支持当前设置的语种\uff01")),
    *request_error_cases(
        "as `tool_choice`", (400, ALGO, 'tool_choice is one of the strings that should be ["none", "auto"]')
    ),
    *request_error_cases(
        '`tool_choice="auto"`',
        (400, ALGO, "The tool_choice parameter does not support being set to required or object in thinking"),
    ),
    *request_error_cases("another name", (400, ALGO, "Tool names are not allowed to be [search]")),
    *request_error_cases("'qwen-plus' does not support tools", (400, ALGO, "The tool call is not supported.")),
    *request_error_cases(
        ("not valid JSON", "tool call"),
        (400, ALGO, 'The "function.arguments" parameter of the code model must be in JSON format.'),
        (400, INVALID, "messages[1].tool_calls[0]: arguments are not valid JSON"),
    ),
    *request_error_cases(
        "before the tool messages",
        (400, ALGO, 'messages with role "tool" must be a response to a preceeding message with'),
    ),
    *request_error_cases(
        "every tool call",
        (400, ALGO, 'An assistant message with "tool_calls" must be followed by tool messages responding to each'),
    ),
    *request_error_cases("limit the steps", (400, ALGO, "Repetitive tool calls detected in the conversation history")),
    *request_error_cases(
        "'qwen-plus' accepts only text",
        (400, ALGO, "input content must be a string."),
        (400, ALGO, "The provided messages input is invalid. The error info is [Unexpected item type in content]"),
    ),
    *request_error_cases(
        "at least one user message",
        (400, ALGO, "The content field is a required field."),
        (400, ALGO, "The input messages do not contain elements with the role of user."),
        (400, ALGO, "Role must be in [user, assistant]"),
        (400, ALGO, "Input should be a valid dictionary or instance of GPT3Message"),
        (400, INVALID, "[] is too short - 'messages'"),
        (500, ALGO_500, "list index out of range"),
        (400, "ServiceUnavailableError", "Role must be user or assistant and Content length must be greater than 0."),
    ),
    *request_error_cases(
        "content blocks", (400, INVALID, "The item of content should be a message of a certain modal.")
    ),
    *request_error_cases("`chunk_size`", (400, ALGO, "Value error, batch size is invalid: input.contents")),
    *request_error_cases("strings", (400, ALGO, "Value error, contents is neither str nor list of str.")),
    *request_error_cases(
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
        (400, "InvalidFile.DownloadFailed", UNKNOWN),
        (400, "InvalidParameter.DataInspection", UNKNOWN),
    ),
    *request_error_cases("a URL instead", (400, INVALID, "Exceeded limit on max bytes per data-uri item : 10485760")),
    *request_error_cases(
        "size, length and format",
        (400, INVALID, "Multimodal file size is too large"),
        (400, INVALID, "The image length and width do not meet the model restrictions."),
        (400, INVALID, "the range of sequence images shoule be (4, 512)./(4,80)."),
        (400, INVALID, "The video file is too long."),
        (400, "BadRequest.UnsupportedFileFormat", "The file format is not supported."),
        (400, INVALID, "The audio format is illegal."),
        (400, "InvalidFile", UNKNOWN),
        (400, "InvalidImage", UNKNOWN),
        (400, "InvalidImageFormat", UNKNOWN),
        (400, "InvalidImageResolution", UNKNOWN),
    ),
    *request_error_cases(
        ("too large", "by URL"), (400, "BadRequest.TooLarge", "Payload Too Large."), (413, None, UNKNOWN)
    ),
    *request_error_cases("upload the file with the same key", (400, INVALID, "Invalid file [id:file-fe-x]")),
    *request_error_cases(
        "fewer or smaller files",
        (400, INVALID, "Too many files provided."),
        (400, INVALID, "The file exceeds size limit"),
        (400, INVALID, "The file exceeds page limits (15000 pages)"),
    ),
]
