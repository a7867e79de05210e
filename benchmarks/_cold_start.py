"""The programs of the cold start measure: each imports a class or an SDK, makes an object, and gets one answer.

The floor of each protocol is a process that imports LangChain's base class of chat models and makes the call with the
bare SDK: what no chat model of LangChain can do without.
"""

from importlib.util import find_spec

from benchmarks._chat_answers import MODEL
from benchmarks._chat_contenders import KEY
from benchmarks._chat_measures import PROMPT
from benchmarks._server import DASHSCOPE_PATH, OPENAI_PATH

FLOORS = {"qwen-openai": "floor-openai", "qwen-dashscope": "floor-dashscope"}
"""The floor of each of our contenders."""

PEERS = {"chat-openai": "ChatOpenAI", "chat-qwen": "ChatQwen", "chat-tongyi": "ChatTongyi"}
"""The names of the other chat models in the table. Those that are not installed are left out."""

_NEEDS = {"chat-openai": "langchain_openai", "chat-qwen": "langchain_qwq", "chat-tongyi": "langchain_community"}

_BASE = "import langchain_core.language_models.chat_models\n"
_PROGRAMS = {
    "floor-openai": _BASE + "import openai\n"
    "client = openai.OpenAI(api_key={key!r}, base_url={openai!r})\n"
    "client.chat.completions.create(model={model!r}, messages=[{{'role': 'user', 'content': {prompt!r}}}])",
    "floor-dashscope": _BASE + "from dashscope.v2 import Client\n"
    "client = Client(api_key={key!r}, base_url={dashscope!r})\n"
    "body = {{'model': {model!r}, 'input': {{'messages': [{{'role': 'user', 'content': {prompt!r}}}]}}}}\n"
    "client.transport.request('POST', '/services/aigc/text-generation/generation', json=body).json()",
    "qwen-openai": "from langchain_qwen_workspace import ChatQwenWorkspace\n"
    "ChatQwenWorkspace(model={model!r}, protocol='openai', api_key={key!r}, base_url={openai!r}).invoke({prompt!r})",
    "qwen-dashscope": "from langchain_qwen_workspace import ChatQwenWorkspace\n"
    "ChatQwenWorkspace(model={model!r}, protocol='dashscope', api_key={key!r}, base_url={dashscope!r})"
    ".invoke({prompt!r})",
    "chat-openai": "from langchain_openai import ChatOpenAI\n"
    "ChatOpenAI(model={model!r}, api_key={key!r}, base_url={openai!r}).invoke({prompt!r})",
    "chat-qwen": "from langchain_qwq import ChatQwen\n"
    "ChatQwen(model={model!r}, api_key={key!r}, base_url={openai!r}).invoke({prompt!r})",
    "chat-tongyi": "import dashscope\n"
    "dashscope.base_http_api_url = {dashscope!r}\n"
    "from langchain_community.chat_models import ChatTongyi\n"
    "ChatTongyi(model={model!r}, api_key={key!r}).invoke({prompt!r})",
}


def programs(origin: str) -> dict[str, str]:
    """Return the program of each contender that is installed, for a server."""
    values = {
        "key": KEY,
        "model": MODEL,
        "prompt": PROMPT,
        "openai": f"{origin}/text/1/0{OPENAI_PATH}",
        "dashscope": f"{origin}/text/1/0{DASHSCOPE_PATH}",
    }
    return {
        name: program.format(**values)
        for name, program in _PROGRAMS.items()
        if name not in _NEEDS or find_spec(_NEEDS[name]) is not None
    }
