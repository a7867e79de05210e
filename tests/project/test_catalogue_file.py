"""Catalogue files: the package's own, which the sandbox reads too, and files of users, which are checked."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace import profiles
from langchain_qwen_workspace.data._catalogue_file import check_catalogue_text
from langchain_qwen_workspace.data._models import built_in_models, built_in_text, format_catalogue, to_json_row
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.profiles import profile_of
from langchain_qwen_workspace.sandbox import Sandbox

ROW = {"kind": "chat", "context": 4096, "thinking": "on", "tool_choice": ["auto", "none"]}
FILE: dict[str, Any] = {
    "version": 1,
    "date": "2026-12-01",
    "source": "a test",
    "models": {"qwen-next": ROW},
    "versions": {"qwen-next-2026-12-01": {"context": 2048}},
    "prices": {"qwen-next": [{"range_name": "Default", "prices": [{"type": "input_token", "price": "2"}]}]},
}


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "catalogue.json"
    file.write_text(format_catalogue(FILE), encoding="utf-8")
    yield file
    profiles.unregister("qwen-next", "qwen-next-2026-12-01", "qwen-plus")


def changed(old: str, new: str) -> str:
    """Return the file with a part of its text replaced."""
    text = format_catalogue(FILE)
    assert old in text
    return text.replace(old, new, 1)


# ------------------------------------------------------------------------------------------------ the package's own


def test_the_packages_own_file_is_valid() -> None:
    assert check_catalogue_text(built_in_text(), "models.json")["version"] == 1


def test_the_packages_own_file_is_in_the_form_in_which_files_are_written() -> None:
    assert format_catalogue(json.loads(built_in_text())) == built_in_text()


@pytest.mark.parametrize("name", built_in_models().rows)
def test_a_profile_is_written_as_the_row_that_it_was_read_from(name: str) -> None:
    written = to_json_row(profile_of(name), built_in_models().defaults)
    row = {key: value for key, value in json.loads(built_in_text())["models"][name].items() if key != "note"}
    assert written == row


def test_a_workspace_of_the_sandbox_may_have_every_model_of_the_catalogue() -> None:
    names = sorted(built_in_models().rows)
    with Sandbox() as sandbox:
        assert sandbox.add_workspace("all", models=names).models == frozenset(names)


def run(code: str, **environment: str) -> str:
    """Return the output of a new process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)  # noqa: S603 - no input from outside
    return done.stdout + done.stderr


def test_importing_the_profiles_reads_no_file() -> None:
    code = (
        "import sys\nfrom langchain_qwen_workspace import ChatQwenWorkspace\n"
        "from langchain_qwen_workspace.data import _models\n"
        "print(_models.built_in_models.cache_info().misses, "
        "'langchain_qwen_workspace.data._catalogue_file' in sys.modules)"
    )
    assert run(code, PYTHONPATH=":".join(sys.path)).strip() == "0 False"


# --------------------------------------------------------------------------------------------------- files of users


def test_load_registers_the_models_of_a_file(path: Path) -> None:
    profiles.load(path)
    profile = profile_of("qwen-next")
    assert (profile.known, profile.context, profile.tool_choice) == (True, 4096, frozenset({"auto", "none"}))


def test_load_returns_what_it_registered(path: Path) -> None:
    assert [profile.name for profile in profiles.load(path)] == ["qwen-next", "qwen-next-2026-12-01"]


def test_the_date_of_a_loaded_fact_is_that_of_the_file(path: Path) -> None:
    profiles.load(path)
    assert str(profile_of("qwen-next").as_of) == "2026-12-01"


def test_a_version_in_a_file_has_the_behaviour_of_its_model_and_its_own_facts(path: Path) -> None:
    profiles.load(path)
    profile = profile_of("qwen-next-2026-12-01")
    assert (profile.thinking, profile.context) == ("on", 2048)


def test_a_row_has_the_defaults_of_its_kind(path: Path) -> None:
    path.write_text(json.dumps({**FILE, "defaults": {"chat": {"json_output": "schema", "thinking": "off"}}}))
    profiles.load(path)
    assert (profile_of("qwen-next").json_output, profile_of("qwen-next").thinking) == ("schema", "on")


def test_a_loaded_model_replaces_the_packages_own(path: Path) -> None:
    path.write_text(json.dumps({**FILE, "models": {"Qwen-Plus": ROW}, "versions": {}}))
    profiles.load(path)
    assert profile_of("qwen-plus").context == 4096


def test_the_built_in_profile_stays_what_the_package_has(path: Path) -> None:
    path.write_text(json.dumps({**FILE, "models": {"qwen-plus": ROW}, "versions": {}}))
    profiles.load(path)
    assert profiles.built_in_profile("qwen-plus").context == 1_000_000


def test_unregister_restores_the_packages_own_model(path: Path) -> None:
    path.write_text(json.dumps({**FILE, "models": {"qwen-plus": ROW}, "versions": {}}))
    profiles.load(path)
    profiles.unregister("qwen-plus")
    assert profile_of("qwen-plus").context == 1_000_000


INVALID = [
    ("an unknown key of a row", changed('"context": 4096', '"contxt": 4096'), "'qwen-next', `contxt` in line 8"),
    ("an unknown key of the file", changed('"source"', '"sources": 1,\n  "source"'), "`sources` in line 4"),
    ("another version", changed('"version": 1', '"version": 2'), "has the version 2 in line 2"),
    ("a version that is not a number", changed('"version": 1', '"version": true'), "has the version True in line 2"),
    ("no version", changed('"version": 1,', ""), "has the version None"),
    ("a file that is cut short", format_catalogue(FILE)[:120], "is not valid JSON: .* line 8"),
    ("an empty file", "", "is not valid JSON"),
    ("a list", "[]", "is a list"),
    ("a key that is twice", changed('"kind": "chat"', '"kind": "chat",\n "kind": "chat"'), "'kind' twice .* line 8"),
    ("a negative number", changed("4096", "-1"), "'qwen-next', `context` in line 8: .* greater than 0"),
    ("a number as a string", changed("4096", '"4096"'), "'qwen-next', `context` in line 8: .* valid integer"),
    ("a word that is none", changed('"on"', '"maybe"'), "'qwen-next', `thinking` in line 9"),
    ("a list that is none", changed('["auto", "none"]', '"auto"'), "'qwen-next', `tool_choice` in line 10"),
    ("a bad version row", changed("2048", "0"), "'qwen-next-2026-12-01', `context` in line 15"),
    ("a bad date", changed('"2026-12-01"', '"December"'), "`date` in line 3"),
    ("a negative price", changed('"price": "2"', '"price": "-2"'), "'qwen-next', `0.prices.0.price` in line 19"),
    ("a price that is no number", changed('"price": "2"', '"price": "two"'), "'qwen-next', .* in line 19"),
    ("a name that is twice", changed('"qwen-next": {', '"QWEN-NEXT": {},\n "qwen-next": {'), "twice, also as 'QWEN-N"),
    ("a name without letters", changed('"qwen-next": {', '" ": {'), "' ', .* in line 6"),
    (
        "a default dimension that is not offered",
        changed('"context": 4096', '"dimensions": [1024],\n"default_dimension": 3'),
        "'qwen-next', `default_dimension` in line 9: Expected one of",
    ),
]


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID])
def test_an_invalid_file_is_refused_by_name_and_line(path: Path, text: str, message: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"catalogue.json' .*{message}"):
        profiles.load(path)


def test_nothing_of_an_invalid_file_is_registered(path: Path) -> None:
    path.write_text(changed("2048", "0"), encoding="utf-8")
    with pytest.raises(ConfigurationError):
        profiles.load(path)
    assert not profile_of("qwen-next").known


def test_an_error_has_the_model_that_is_wrong(path: Path) -> None:
    path.write_text(changed("4096", "-1"), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        profiles.load(path)
    assert caught.value.model == "qwen-next"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "catalogue.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        profiles.load(file)


# ----------------------------------------------------------------------------------------- the environment's variable

CODE = """
from langchain_qwen_workspace.profiles import profile_of, register, unregister, Profile
register(Profile(name="qwen-other"))
print(profile_of("qwen-next").context, profile_of("qwen-plus").context)
unregister("qwen-next")
print(profile_of("qwen-next").context)
"""


def test_the_environment_names_a_file_that_is_loaded(path: Path) -> None:
    printed = run(CODE, PYTHONPATH=":".join(sys.path), QWEN_WORKSPACE_CATALOGUE=str(path))
    assert printed.splitlines() == ["4096 1000000", "None"]


def test_an_invalid_file_of_the_environment_is_named_and_the_built_in_rows_apply(path: Path) -> None:
    path.write_text(changed("4096", "-1"), encoding="utf-8")
    printed = run(CODE, PYTHONPATH=":".join(sys.path), QWEN_WORKSPACE_CATALOGUE=str(path))
    assert "None 1000000" in printed
    assert "catalogue.json' is not valid: 'qwen-next', `context` in line 8" in printed
