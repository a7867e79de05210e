"""The sandbox's fixtures in somebody's project, and what they cost a run that does not use them.

Each inner run is a process: one in this process drops from `sys.modules` what it imported, and the HTTP libraries,
which import parts of themselves late, no longer recognise their own exceptions.
"""

import subprocess
import sys

import pytest

pytest_plugins = "pytester"

# Without the plugins of others that are installed here, which import more.
ALONE = ("--disable-plugin-autoload", "-p", "langchain_qwen_workspace.sandbox.pytest_plugin")
APPLICATION = """
from langchain_qwen_workspace import ChatQwenWorkspace

def answer(question):
    return ChatQwenWorkspace(model="qwen-plus").invoke(question)
"""


@pytest.fixture(autouse=True)
def _ini(pytester: pytest.Pytester) -> None:
    """Their project says nothing about pytest-asyncio's loops, ours does."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")


def test_code_that_reads_the_environment_reaches_the_sandbox(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        application=APPLICATION,
        test_it="""
        import os
        from application import answer

        def test_answer(qwen_sandbox, qwen_workspace):
            reply = answer("Where is the West Lake?")
            assert "Where is the West Lake?" in reply.text
            assert reply.response_metadata["workspace_id"] == qwen_workspace.workspace_id == "llm-pytest"
            assert [request.body["model"] for request in qwen_sandbox.requests] == ["qwen-plus"]
            assert qwen_workspace.base_url == qwen_sandbox.base_url

        def test_environment_is_as_before():
            assert not [name for name in os.environ if name.startswith("DASHSCOPE")]
        """,
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_a_variable_of_the_developer_does_not_disturb(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service would be called with a developer's own key, or refuse two ids that differ."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-of-the-developer")
    monkeypatch.setenv("DASHSCOPE_WORKSPACE_ID", "llm-of-the-developer")
    monkeypatch.setenv("DASHSCOPE_REGION", "cn-beijing")
    pytester.makepyfile(
        application=APPLICATION,
        test_it="""
        from application import answer

        def test_answer(qwen_workspace):
            assert answer("Hello").response_metadata["workspace_id"] == "llm-pytest"
        """,
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_each_test_has_a_sandbox_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        from langchain_qwen_workspace import ChatQwenWorkspace, RateLimitError

        def test_fault(qwen_sandbox, qwen_workspace):
            qwen_sandbox.fail_next(status=429, times=5)
            with pytest.raises(RateLimitError):
                ChatQwenWorkspace(model="qwen-plus", workspace=qwen_workspace, max_retries=0).invoke("Hello")

        def test_no_fault(qwen_sandbox, qwen_workspace):
            ChatQwenWorkspace(model="qwen-plus", workspace=qwen_workspace, max_retries=0).invoke("Hello")
            assert len(qwen_sandbox.requests) == 1
        """)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_a_run_that_uses_no_fixture_imports_nothing_for_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_modules():
            assert "langchain_qwen_workspace.sandbox.pytest_plugin" in sys.modules
            heavy = {"langchain_core", "pydantic", "openai", "dashscope", "starlette", "uvicorn"}
            assert heavy & sys.modules.keys() == set()
        """)
    pytester.runpytest_subprocess(*ALONE).assert_outcomes(passed=1)


def test_without_the_extra_only_a_test_that_uses_the_fixture_fails(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import sys
        sys.modules["uvicorn"] = None
        """)
    pytester.makepyfile("""
        def test_other():
            pass

        def test_asking(qwen_workspace):
            pass
        """)
    done = pytester.runpytest_subprocess(*ALONE)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(['*pip install "langchain-qwen-workspace[[]sandbox]"*uvicorn*'])


def test_fixtures_are_listed_with_what_they_are(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_subprocess("--fixtures")
    done.stdout.fnmatch_lines(
        ["qwen_sandbox -- *", "*Run an offline Model Studio for one test*", "qwen_workspace -- *"]
    )


def test_every_public_name_can_be_the_first_that_is_imported() -> None:
    """Each also brings the translator of messages, which a checkpoint may need before there is a model."""
    program = """
import importlib, sys
import langchain_qwen_workspace as package
assert 'langchain_core' not in sys.modules
from langchain_core.messages import block_translators
for name in set(package.__all__) - {'__version__'}:
    for module in [each for each in sys.modules if each.startswith('langchain_qwen_workspace')]:
        del sys.modules[module]
    block_translators.PROVIDER_TRANSLATORS.pop('qwen_workspace', None)
    getattr(importlib.import_module('langchain_qwen_workspace'), name)
    assert block_translators.get_translator('qwen_workspace'), name
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=100)  # noqa: S603 - no input from outside
    assert (done.returncode, done.stderr) == (0, "")
