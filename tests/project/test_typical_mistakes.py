"""Typical mistakes: what was typed, and the whole message that the user gets."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from tests.project._mistakes import message_for

MISTAKES: tuple[tuple[str, str], ...] = (
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, region="singapur")',
        (
            "region: Region 'singapur' does not exist. Did you mean 'singapore'? Expected one of `cn-beijing` "
            "(beijing), `ap-southeast-1` (singapore), `cn-hongkong` (hongkong), `us-east-1` (virginia), "
            "`eu-central-1` (frankfurt), `ap-northeast-1` (tokyo)."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, region="us-east-2")',
        (
            "region: Region 'us-east-2' does not exist. Did you mean 'us-east-1'? Expected one of `cn-beijing` "
            "(beijing), `ap-southeast-1` (singapore), `cn-hongkong` (hongkong), `us-east-1` (virginia), "
            "`eu-central-1` (frankfurt), `ap-northeast-1` (tokyo)."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, region="frankfurt")',
        (
            "Frankfurt (`eu-central-1`) has no shared host, only hosts of single workspaces. Pass the workspace's "
            "id as `workspace_id`, or set the environment variable DASHSCOPE_WORKSPACE."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, protocol="opanai")',
        (
            "protocol: `protocol` is 'opanai'. Did you mean 'openai'? Expected one of 'openai', 'dashscope', "
            "'responses'."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, workspace="llm-1")',
        (
            "workspace: `workspace` is of type `str`. Expected a `QwenWorkspace` or a `WorkspaceRouter`. Pass "
            "a workspace's id as `workspace_id=` and its key as `api_key=`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, workspace_id=KEY)',
        (
            "`workspace_id` begins with `sk-`, as keys do. Expected the id from the console's workspace "
            "details (`llm-…` or `ws-…`). Pass the key as `api_key`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, workspace_id="team a")',
        (
            "Workspace id 'team a' is not valid. Expected the id from the console's workspace details (`llm-…` "
            "or `ws-…`): 1 to 64 letters, digits, `-` or `_`, beginning with a letter or digit."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key="sk-sp-0123456789abcdef")',
        (
            "`api_key` begins with `sk-sp-`: it belongs to a Token Plan or Coding Plan, whose keys work only "
            "on the plan's own host and whose terms forbid the use in programs. Use a workspace's "
            "pay-as-you-go key."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, base_url="dashscope.aliyuncs.com")',
        (
            "`base_url` 'dashscope.aliyuncs.com' cannot be used. Expected an origin such as `https://host`, to "
            "which the protocol's path is added, or a full base URL such as `https://host/compatible-mode/v1`; "
            "without a login, a query or a fragment."
        ),
    ),
    (
        ('ChatQwenWorkspace(model="qwen-plus", api_key=KEY, base_url="https://dashscope.aliyuncs.com/api/v1")'),
        (
            "`base_url` 'https://dashscope.aliyuncs.com/api/v1' has the path of `protocol=\"dashscope\"`, but "
            'the protocol is "openai". Give the origin alone (`https://dashscope.aliyuncs.com`), or pass '
            '`protocol="dashscope"`.'
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, endpoint="trial", region="tokyo")',
        (
            "Tokyo (`ap-northeast-1`) has no trial host; only Beijing, Singapore and Hong Kong have one. Use "
            '`endpoint="workspace"` with a `workspace_id`.'
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, openai_api_key="x")',
        (
            "`openai_api_key` cannot be sent: it looks like a secret, and parameters are part of the request's "
            "body and of traces. Pass the workspace's key as `api_key` when you create the object, and other "
            "credentials in `default_headers`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, openai_api_key="x", other_token="y")',
        (
            "`openai_api_key`, `other_token` cannot be sent: they look like secrets, and parameters are part of the "
            "request's body and of traces. Pass the workspace's key as `api_key` when you create the object, and "
            "other credentials in `default_headers`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus").invoke("Hi")',
        (
            "There is no API key for the workspace; nothing was sent. (protocol: openai, region: "
            "ap-southeast-1) Set the environment variable DASHSCOPE_API_KEY or pass `api_key=`. To try things "
            "without a key, call the offline sandbox: `langchain_qwen_workspace.sandbox.Sandbox`, or "
            "`qwen-workspace sandbox` in a shell."
        ),
    ),
    (
        (
            'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, base_url="http://127.0.0.1:9", '
            'max_retries=0).invoke("Hi")'
        ),
        (
            "127.0.0.1:9 refused the connection. (model: qwen-plus, protocol: openai) No server listens there: "
            "check the host and port of `base_url`, or of the proxy. `qwen-workspace doctor` (extra `cli`) "
            "finds out more."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, base_url=SANDBOX).invoke("Hi")',
        (
            "Incorrect API key provided.  (status: 401, code: invalid_api_key, model: qwen-plus, protocol: "
            "openai, request id: …) A key works only in the region and plan it was created in, and the region of "
            "`base_url` was called: set `region=` or DASHSCOPE_REGION, or the host of `base_url`, to the region that "
            "the console shows for the key, and check the key for typos."
        ),
    ),
    (
        'ChatQwenWorkspace(model="text-embedding-v4", api_key=KEY)',
        (
            "'text-embedding-v4' is an embedding model; use `QwenWorkspaceEmbeddings`. If the service has "
            "changed since 2026-11-23, pass `check_capabilities=False`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen3-rerank", api_key=KEY)',
        (
            "'qwen3-rerank' is a rerank model; use `QwenWorkspaceRerank`. If the service has changed since "
            "2026-11-23, pass `check_capabilities=False`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-image-plus", api_key=KEY)',
        (
            "'qwen-image-plus' is an image model; use `ImageSynthesis` or `ImageGeneration` of the `dashscope` "
            "SDK. If the service has changed since 2026-11-23, pass `check_capabilities=False`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="wan2.6-t2v", api_key=KEY)',
        (
            "'wan2.6-t2v' is a video model; use `VideoSynthesis` of the `dashscope` SDK. If the service has "
            "changed, pass `check_capabilities=False`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="cosyvoice-v3-plus", api_key=KEY)',
        (
            "'cosyvoice-v3-plus' is a speech synthesis model; use `dashscope.audio.tts_v2` or "
            "`MultiModalConversation` of the `dashscope` SDK. If the service has changed, pass "
            "`check_capabilities=False`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="paraformer-v2", api_key=KEY)',
        (
            "'paraformer-v2' is a speech recognition model; use `dashscope.audio.asr` of the `dashscope` SDK. "
            "If the service has changed, pass `check_capabilities=False`."
        ),
    ),
    (
        'QwenWorkspaceEmbeddings(model="qwen-plus", api_key=KEY)',
        (
            "'qwen-plus' is a chat model; use `ChatQwenWorkspace`. If the service has changed since "
            "2026-11-23, pass `check_capabilities=False`."
        ),
    ),
    (
        'QwenWorkspaceEmbeddings(model="text-embedding-v4", api_key=KEY, dimensions=1000)',
        (
            "`dimensions` is 1000, which 'text-embedding-v4' does not support. Expected one of 2048, 1536, "
            "1024, 768, 512, 256, 128, 64. If the service has changed since 2026-11-23, pass "
            "`check_capabilities=False`."
        ),
    ),
    (
        'QwenWorkspaceRerank(model="text-embedding-v4", api_key=KEY)',
        (
            "'text-embedding-v4' is an embedding model; use `QwenWorkspaceEmbeddings`. If the service has "
            "changed since 2026-11-23, pass `check_capabilities=False`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-pluss", workspace=ws).invoke("Hi")',
        (
            "The model qwen-pluss does not exist or you do not have access to it. (status: 404, code: "
            "model_not_found, model: qwen-pluss, protocol: openai, region: ap-southeast-1, workspace: "
            "llm-team-a, request id: …) Check the name 'qwen-pluss' for typos, and whether ap-southeast-1 "
            "offers it: the service gives the same answer for a retired model and for a model of another region. "
            "Did you mean 'qwen-plus'?"
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-flash", workspace=ws).invoke("Hi")',
        (
            "Model access denied. (status: 403, code: Model.AccessDenied, model: qwen-flash, protocol: openai, "
            "region: ap-southeast-1, workspace: llm-team-a, request id: …) 'qwen-flash' is not granted to "
            "workspace llm-team-a: a super administrator of the account can grant it in the Model Studio "
            "console (ap-southeast-1), under the workspace's model permissions. To call a model of another "
            "workspace, use that workspace's key."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, temperature=3)',
        (
            "`temperature` is 3.0. Expected a number in [0, 2). If the service has changed since 2026-08-18, "
            "pass `check_capabilities=False`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, max_tokens=0)',
        "`max_tokens` is 0. Expected an integer of at least 1.",
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, model_kwargs={"temperature": 0})',
        (
            "Pass `temperature` directly, not in `model_kwargs`, which is only for parameters that are not "
            "arguments of their own."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-mt-plus", workspace=ws, enable_thinking=True).invoke("Hi")',
        (
            "`enable_thinking` is True, but 'qwen-mt-plus' does not think and refuses the parameter. Remove "
            "it, or use a model that thinks. If the service has changed since 2026-11-23, pass "
            "`check_capabilities=False`. (model: qwen-mt-plus)"
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", workspace=ws).invoke("Hi", timeout=5)',
        (
            "`timeout` cannot be set for a single call. Set it when you create the model, or on a copy: "
            "`llm.model_copy(update={…})`."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", workspace=ws).invoke("Hi", timeout=5, max_retries=0)',
        (
            "`timeout`, `max_retries` cannot be set for a single call. Set them when you create the model, or on a "
            "copy: `llm.model_copy(update={…})`."
        ),
    ),
    (
        ('ChatQwenWorkspace(model="qwen-plus", api_key=KEY).with_structured_output(Answer, method="json_shema")'),
        (
            "`method` is 'json_shema'. Did you mean 'json_schema'? Expected 'function_calling', 'json_schema', "
            "'json_mode', or None for the best one that the model supports."
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY).with_structured_output(None)',
        ('`schema` is None, but `method="function_calling"` needs a schema. Pass one, or use `method="json_mode"`.'),
    ),
    (
        (
            'ChatQwenWorkspace(model="qwen-plus", workspace=ws).with_structured_output(Answer, '
            'method="json_schema").invoke("Hi")'
        ),
        (
            "`response_format` is a JSON schema, which 'qwen-plus' does not support. Use "
            '`with_structured_output(…, method="function_calling")`, or a model of the Qwen3.7 or 3.8 series. '
            "If the service has changed since 2026-11-23, pass `check_capabilities=False`. (model: qwen-plus)"
        ),
    ),
    (
        (
            'ChatQwenWorkspace(model="qwen-plus", workspace=ws).with_structured_output(Answer, '
            'method="json_mode").invoke("Hi")'
        ),
        (
            "`response_format` is a JSON object, but no system or user message contains the word “json”, which "
            "the service requires. Say in a message that the answer must be JSON, and with which keys. If "
            "the service has changed since 2026-08-18, pass `check_capabilities=False`. (model: qwen-plus)"
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen3-14b", workspace=ws, n=2).invoke("Hi")',
        "`n` is 2, but 'qwen3-14b' answers this call only as a stream, which has one answer. Use `n=1`.",
    ),
    (
        'QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=ws).embed_documents("one text")',
        "The texts are of type `str`. Expected a list or another iterable of texts, even for a single one.",
    ),
    (
        'QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", api_key=KEY, protocol="dashscope"))',
        '`protocol="dashscope"` has no Batch API. Use `protocol="openai"`.',
    ),
    (
        'ChatQwenWorkspace(modle="qwen-plus", api_key=KEY)',
        (
            "UserWarning: `modle` is not a parameter that Model Studio documents; it is sent unchanged. Did you "
            "mean `model`? If the name is right, pass it in `extra_body`. model: Field required"
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, temprature=0)',
        (
            "UserWarning: `temprature` is not a parameter that Model Studio documents; it is sent unchanged. Did "
            "you mean `temperature`? If the name is right, pass it in `extra_body`. (no error)"
        ),
    ),
    (
        'ChatQwenWorkspace(model="qwen-plus", api_key=KEY, max_retry=0)',
        (
            "UserWarning: `max_retry` is not a parameter that Model Studio documents; it is sent unchanged. Did "
            "you mean `max_retries`? If the name is right, pass it in `extra_body`. (no error)"
        ),
    ),
    (
        'QwenWorkspace(api_key=KEY, regoin="beijing")',
        (
            "`regoin` is not an argument of `QwenWorkspace`. Did you mean `region`? Expected `api_key`, "
            "`workspace_id`, `region`, `endpoint`, `base_url`, `server`, `allowed_models`."
        ),
    ),
    (
        'QwenWorkspaceEmbeddings(model="text-embedding-v4", api_key=KEY, dimension=1024)',
        (
            "`dimension` is not an argument of `QwenWorkspaceEmbeddings`. Did you mean `dimensions`? Pass "
            "parameters of the service that have no field here in `model_kwargs`."
        ),
    ),
    (
        'QwenWorkspaceRerank(model="qwen3-rerank", api_key=KEY, topn=3, return_documents=True)',
        (
            "`topn` is not an argument of `QwenWorkspaceRerank`. Did you mean `top_n`? `return_documents` is not an "
            "argument of `QwenWorkspaceRerank`. Pass parameters of the service that have no field here in "
            "`model_kwargs`."
        ),
    ),
    (
        "WorkspaceRouter(tenant={})",
        (
            "`tenant` is not an argument of `WorkspaceRouter`. Did you mean `tenants`? Expected `tenants`, "
            "`default`, `key`, `across_regions`, `fail_over_on`."
        ),
    ),
    (
        "ws.catalogue(capabilites=['TG'])",
        (
            "`capabilites` is not a filter of the catalogue. Did you mean `capabilities`? Expected `name`, `model`, "
            "`language`, `providers`, `inference_providers`, `capabilities`, `features`, `context_window`, "
            "`service_site`, `supports`, `deployment_methods`, `deployment_ptu_service_tiers`."
        ),
    ),
    (
        'PriceTable.from_dict({"currency": "CNY", "models": {"qwen-plus": 0.8}})',
        (
            "The price table is not valid: 'qwen-plus': Expected a row of prices, with `input` and `output`. "
            "(model: qwen-plus)"
        ),
    ),
    (
        "Sandbox(port=99999)",
        "Port 99999 does not exist. Expected 0 to 65535; 0 means any free port.",
    ),
    (
        "$ qwen-workspace doctr",
        "No such command 'doctr'. Did you mean 'doctor'? (exit status 2)",
    ),
    (
        "$ qwen-workspace models --regoin beijing",
        "No such option: --regoin (Possible options: --endpoint, --region) (exit status 2)",
    ),
    (
        "$ qwen-workspace models --region singapur",
        (
            "Invalid value for '--region': Region 'singapur' does not exist. Did you mean 'singapore'? "
            "Expected one of `cn-beijing` (beijing), `ap-southeast-1` (singapore), `cn-hongkong` (hongkong), "
            "`us-east-1` (virginia), `eu-central-1` (frankfurt), `ap-northeast-1` (tokyo). (exit status 2)"
        ),
    ),
    (
        "$ qwen-workspace models qwen-pluss",
        "No such model: 'qwen-pluss'. Did you mean 'qwen-plus'? (exit status 1)",
    ),
    (
        "$ qwen-workspace models --timeout 5",
        (
            "Invalid value: Only --permitted and --refresh call the service, and so use --timeout. Add one of the "
            "two, or leave out --timeout. (exit status 2)"
        ),
    ),
    (
        "$ qwen-workspace ask",
        ("Invalid value: There is no question. Give it as an argument, or pipe it into the command. (exit status 2)"),
    ),
    (
        "$ qwen-workspace ask --model text-embedding-v4 Hi",
        (
            "Invalid value: 'text-embedding-v4' is an embedding model; use `QwenWorkspaceEmbeddings`. If the "
            "service has changed since 2026-11-23, pass `check_capabilities=False`. (exit status 2)"
        ),
    ),
)


@pytest.fixture(scope="module")
def names() -> Iterator[Mapping[str, Any]]:
    with Sandbox() as sandbox:
        models = ["qwen-plus", "qwen-mt-plus", "text-embedding-v4", "qwen3-14b"]
        yield {"ws": sandbox.workspace("team-a", models=models), "SANDBOX": sandbox.base_url}


@pytest.mark.parametrize(("typed", "message"), MISTAKES)
def test_a_typical_mistake_is_answered_by_what_to_do(names: Mapping[str, Any], typed: str, message: str) -> None:
    assert re.sub("request id: [0-9a-f-]+", "request id: …", message_for(typed, names)) == message


@pytest.mark.parametrize(("typed", "message"), MISTAKES)
def test_no_message_names_what_is_private(typed: str, message: str) -> None:
    assert not re.search(r"\b_[A-Za-z]", message), typed
