"""Stores the values of new keys: in a function of the user, a key store, or a file that only its owner can read."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from pydantic import SecretStr

from langchain_qwen_workspace.errors import ConfigurationError, NotFoundError
from langchain_qwen_workspace.workspace import QwenWorkspace


@dataclass(frozen=True, slots=True)
class DeliveredKey:
    """A key of a `workspaces.yaml` that was just created or reset, with its value.

    Attributes:
        workspace_name: The workspace's name in the file.
        name: The key's name in the file.
        id: The key's id.
        workspace: The workspace with the key. Its `repr` hides the key, which is
            `workspace.api_key.get_secret_value()`.
    """

    workspace_name: str
    name: str
    id: str
    workspace: QwenWorkspace


@runtime_checkable
class KeyStore(Protocol):
    """The protocol of a store for the values of keys, such as a vault. `plan` resets a key that it does not have."""

    def has_key(self, workspace_name: str, name: str, key_id: str) -> bool:
        """Return whether it has the value of a key.

        Args:
            workspace_name: The workspace's name in the file.
            name: The key's name in the file.
            key_id: The key's id; the value of another key with the same name does not count.
        """

    def save_key(self, key: DeliveredKey) -> Any:
        """Store a key's value, and replace an earlier one."""


Keys: TypeAlias = KeyStore | Callable[[DeliveredKey], Any] | None
"""Where the values of new keys go."""


class KeyFile:
    """A key store in a JSON file, which is created with mode 0600, so that only its owner can read it."""

    def __init__(self, path: str | Path) -> None:
        """Take the path of the file, which is created when the first key is saved."""
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"KeyFile({str(self._path)!r})"

    def has_key(self, workspace_name: str, name: str, key_id: str) -> bool:
        """Return whether the file has the value of a key."""
        return bool(self._read().get(workspace_name, {}).get(name, {}).get("id") == key_id)

    def workspace(self, workspace_name: str, name: str) -> QwenWorkspace:
        """Return a workspace with one of its keys, ready to use.

        Raises:
            NotFoundError: The file does not have the key.
        """
        found = self._read().get(workspace_name, {}).get(name)
        if found is None:
            raise NotFoundError(f"{self._path} has no key {name!r} of workspace {workspace_name!r}.")
        fields = ("workspace_id", "region", "base_url")
        values = {field: found[field] for field in fields if found.get(field)}
        return QwenWorkspace._from_resolved({"api_key": SecretStr(found["api_key"]), **values})  # noqa: SLF001 - a value of this package

    def save_key(self, key: DeliveredKey) -> None:
        """Write a key's value into the file, which is replaced as a whole."""
        secret: Any = key.workspace.api_key
        saved = self._read()
        saved.setdefault(key.workspace_name, {})[key.name] = {
            "id": key.id,
            "workspace_id": key.workspace.workspace_id,
            "region": key.workspace.region,
            "base_url": key.workspace.base_url,
            "api_key": secret.get_secret_value(),
        }
        path = self._path.resolve()
        # Made with mode 0600, whatever the umask says.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            json.dump(saved, file, ensure_ascii=False, indent=2)
        Path(file.name).replace(path)

    def _read(self) -> dict[str, Any]:
        try:
            saved = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            saved = None  # The error would have the keys in it.
        if isinstance(saved, dict) and all(
            isinstance(keys, dict) and all(isinstance(key, dict) for key in keys.values()) for keys in saved.values()
        ):
            return saved
        raise ConfigurationError(
            f"{self._path} is not a file of keys that this package wrote. Name another file; nothing in it was changed."
        )


def save_function(keys: Keys) -> Callable[[DeliveredKey], Any]:
    """Return the function that takes new keys.

    Raises:
        ConfigurationError: There is none.
    """
    if isinstance(keys, KeyStore):
        return keys.save_key
    if callable(keys):
        return keys
    raise ConfigurationError(
        "The plan makes keys, and `keys` does not say where their values go; nothing was done. Pass "
        "`keys=KeyFile(path)`, another `KeyStore`, or a function that takes a `DeliveredKey`."
    )
