"""API keys: static ones, kept secret, and ones fetched from a callable."""

import asyncio
import base64
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    InstanceOf,
    PlainSerializer,
    SecretStr,
    ValidationError,
)
from pydantic.json_schema import SkipJsonSchema

from langchain_qwen_workspace import _process
from langchain_qwen_workspace._seam import Request
from langchain_qwen_workspace._workspace.secrets import CONTAINERS, refuse_secrets
from langchain_qwen_workspace.errors import ConfigurationError, MissingApiKeyError, UnsupportedInputError

KeyCallable: TypeAlias = Callable[[], str | SecretStr] | Callable[[], Awaitable[str | SecretStr]]
"""A callable that returns a key, or an `async def` that does."""


class PicklableSecret(SecretStr):
    """A key that is encoded in a pickle: whoever has the pickle has the key, but no log shows it in clear."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_key, (base64.b85encode(self.get_secret_value().encode()),)


def _restore_key(encoded: bytes) -> PicklableSecret:
    return PicklableSecret(base64.b85decode(encoded).decode())


class EnvironmentKey(PicklableSecret):
    """The key of the environment, `DASHSCOPE_API_KEY`, which only Model Studio may get, also from copies of a model.

    It equals the same key given as an argument.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and self.get_secret_value() == other.get_secret_value()

    __hash__ = SecretStr.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        restore, arguments = super().__reduce__()
        return _restore_environment_key, (restore, *arguments)


def _restore_environment_key(restore: Callable[[bytes], SecretStr], encoded: bytes) -> EnvironmentKey:
    return EnvironmentKey(restore(encoded).get_secret_value())


def validate_key(key: SecretStr) -> SecretStr:
    """Return a key in a form that a pickle does not hold in clear.

    Raises:
        ConfigurationError: It is not a valid key.
    """
    value = key.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(
            "`api_key` is empty, or contains a space, a line break or a character that keys do not have. Set "
            "`api_key=` or DASHSCOPE_API_KEY to the whole key, as the console shows it; `sk-…` in an example "
            "stands for it."
        )
    return EnvironmentKey(value) if isinstance(key, EnvironmentKey) else PicklableSecret(value)


class KeyProvider:
    """A key provider: calls a callable when the key is first needed, and again once the key was refused.

    Single-flight: threads and tasks that need the key at the same time share one call and its result. An `async def` is
    awaited in the event loop that needs the key, because its connections belong to that loop: once per loop, and never
    from a synchronous call. Any other callable may block: an asynchronous call runs it in a thread of its own, not in
    the loop's executor, all of whose threads may be waiting for this key.

    Two providers are equal if their callables are equal. A copy is the original; a pickle has the callable and no key.
    """

    def __init__(self, ask: KeyCallable) -> None:
        """Take the callable; it is not called before the key is needed."""
        self._ask = ask
        self._asynchronous = inspect.iscoroutinefunction(ask) or inspect.iscoroutinefunction(type(ask).__call__)
        self._key: SecretStr | None = None
        self.reset_after_fork()
        _process.register(self)

    def reset_after_fork(self) -> None:
        """Forget the calls in flight: only the parent process completes them. A cached key stays."""
        self._lock = threading.Lock()
        self._asking: Future[SecretStr | BaseException] | None = None
        self._tasks: dict[asyncio.AbstractEventLoop, asyncio.Task[SecretStr | Exception]] = {}

    @property
    def _name(self) -> str:
        """The callable's name; its `repr` may show what it was made with."""
        return str(getattr(self._ask, "__qualname__", type(self._ask).__qualname__))

    def __repr__(self) -> str:
        return f"KeyProvider({self._name})"

    def __eq__(self, other: object) -> bool:
        return self._ask == other._ask if isinstance(other, KeyProvider) else NotImplemented

    def __hash__(self) -> int:
        try:
            return hash(self._ask)
        except TypeError:  # A callable that compares by its values; what is equal to it is of its type.
            return hash(type(self._ask))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return KeyProvider, (self._ask,)

    def get(self, request: Request, refused: SecretStr | None = None) -> SecretStr:
        """Return the key.

        Args:
            request: The request that needs it.
            refused: The key that the service refused, if one was; any other key is returned without a new call.

        Raises:
            MissingApiKeyError: The callable failed, or returned no key.
            ConfigurationError: The callable is an `async def`.
        """
        if self._asynchronous:
            raise ConfigurationError(
                f"The key of {_describe_workspace(request)} comes from `async def {self._name}`, which a synchronous "
                "call cannot await; nothing was sent.",
                **request.error_context,
                hint="Call the asynchronous method (`ainvoke`, `astream`, `aembed_documents`, …), or give `api_key` a "
                "callable that is not async.",
            )
        if self._key is not None and self._key is not refused:
            return self._key
        asking, first = self._join_or_start_request(refused)
        if first:
            self._answer(asking)
        return self._key_or_error(asking.result(), request)

    async def aget(self, request: Request, refused: SecretStr | None = None) -> SecretStr:
        """Return the key, like `get`, also from an `async def`."""
        if self._key is not None and self._key is not refused:
            return self._key
        if self._asynchronous:
            # Shielded: cancelling one caller does not cancel the call for the others.
            return self._key_or_error(await asyncio.shield(self._task()), request)
        asking, first = self._join_or_start_request(refused)
        if first:
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._answer, asking), name=repr(self), daemon=True).start()
        return self._key_or_error(await asyncio.wrap_future(asking), request)

    def _join_or_start_request(self, refused: SecretStr | None) -> tuple["Future[SecretStr | BaseException]", bool]:
        """Return the future of the call in flight, and whether the caller must make the call itself."""
        with self._lock:
            if self._asking is not None:
                return self._asking, False
            asking = Future[SecretStr | BaseException]()
            asking.set_running_or_notify_cancel()  # From now on no waiter can cancel it.
            if self._key is not None and self._key is not refused:
                asking.set_result(self._key)
                return asking, False
            self._asking = asking
            return asking, True

    def _answer(self, asking: "Future[SecretStr | BaseException]") -> None:
        try:
            outcome: SecretStr | BaseException = _validate_provider_result(self._ask())
        except BaseException as error:  # The waiters must get a result, also if the program is interrupted.
            outcome = error
            if not isinstance(error, Exception):
                raise
        finally:
            with self._lock:
                self._asking = None
                if isinstance(outcome, SecretStr):
                    self._key = outcome
            asking.set_result(outcome)

    def _task(self) -> "asyncio.Task[SecretStr | Exception]":
        loop = asyncio.get_running_loop()
        if (task := self._tasks.get(loop)) is None or task.done():
            task = self._tasks[loop] = loop.create_task(self._aanswer(loop))
        return task

    async def _aanswer(self, loop: asyncio.AbstractEventLoop) -> SecretStr | Exception:
        try:
            given: Any = self._ask()
            self._key = key = _validate_provider_result(await given)
        except Exception as error:  # noqa: BLE001 - raised in each waiter
            return error
        else:
            return key
        finally:
            self._tasks.pop(loop, None)  # Not there yet if the loop starts its tasks eagerly.

    def _key_or_error(self, outcome: SecretStr | BaseException, request: Request) -> SecretStr:
        if isinstance(outcome, SecretStr):
            return outcome
        raise MissingApiKeyError(
            f"`{self._name}`, which provides the key of {_describe_workspace(request)}, failed with "
            f"{type(outcome).__name__}; nothing was sent.",
            **request.error_context,
            hint="This error's `__cause__` is the exception that it raised, or says what is wrong with what it "
            "returned.",
        ) from outcome


def _describe_workspace(request: Request) -> str:
    destination = request.destination
    return (
        f"workspace {destination.workspace_id}"
        if destination.workspace_id
        else f"the workspace in {destination.region or 'an unknown region'}"
    )


def _validate_provider_result(given: object) -> SecretStr:
    if isinstance(given, str | SecretStr):
        return validate_key(given if isinstance(given, SecretStr) else SecretStr(given))
    if inspect.iscoroutine(given):
        given.close()
        raise TypeError("It returned a coroutine. Expected a key; make it an `async def`, so that it is awaited.")
    raise TypeError(f"It returned an object of type {type(given).__name__}. Expected a string or a `SecretStr`.")


def as_key(given: Any) -> Any:
    """Return a key as fields hold it: a string as a secret, a callable as a provider, anything else unchanged."""
    if isinstance(given, bytes):
        given = given.decode(errors="replace")
    if isinstance(given, str):
        return SecretStr(given)
    if callable(given) and not isinstance(given, KeyProvider):
        return KeyProvider(given)
    return given


def validate_api_key(key: SecretStr | KeyProvider) -> SecretStr | KeyProvider:
    """Return a key in a form that a pickle does not hold in clear; a provider as it is.

    Raises:
        ConfigurationError: It is not a valid key.
    """
    return validate_key(key) if isinstance(key, SecretStr) else key


ApiKeyArgument: TypeAlias = str | SecretStr | KeyCallable | KeyProvider
"""What may be given as a key; the field holds a `SecretStr` or a `KeyProvider`."""

_Provider = Annotated[InstanceOf[KeyProvider], PlainSerializer(repr, return_type=str, when_used="json")]
if TYPE_CHECKING:
    ApiKey: TypeAlias = SecretStr | KeyProvider
else:
    ApiKey = Annotated[SecretStr | SkipJsonSchema[_Provider], BeforeValidator(as_key), AfterValidator(validate_api_key)]


class SecretKeyModel(BaseModel):
    """A pydantic model that hides its key before validation, and refuses other secrets: pydantic's errors carry inputs.

    Classes that only lend their fields to components inherit `defer_build`, and so never build a validator of their own
    (a third of the time that importing the chat model takes).
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(defer_build=True)

    # Names without a field whose values are not searched for secrets.
    _documented: ClassVar[Collection[str]] = ()

    def __init__(self, **data: Any) -> None:
        try:
            data = self._protect_secrets(data)
        except UnsupportedInputError as error:
            # An error of pydantic's own would have the secret as its input.
            raise ValidationError.from_exception_data(
                type(self).__name__, [{"type": "value_error", "input": None, "ctx": {"error": error}}], hide_input=True
            ) from None
        super().__init__(**data)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; a key among the changes is hidden as well."""
        changed = self._protect_secrets(update or {})
        if isinstance(key := changed.get("api_key"), SecretStr):
            changed["api_key"] = validate_key(key)
        return super().model_copy(update=changed, deep=deep)

    @classmethod
    def _protect_secrets(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values with the key among them hidden, and without any other secret.

        Raises:
            UnsupportedInputError: A value without a field looks like a secret.
        """
        values = mask_key(values)
        fields = cls.model_fields
        unknown = {name: values[name] for name in values if name not in fields or name in CONTAINERS}
        refuse_secrets(unknown, cls._documented)
        return values


def mask_key(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the key among them as a secret, under the name `api_key`.

    It may be given as `dashscope_api_key`, as `langchain_community`'s chat model has it; if it is given under both
    names, both are kept.
    """
    masked = dict(values)
    if masked.get("api_key") is None and "dashscope_api_key" in masked:
        masked["api_key"] = masked.pop("dashscope_api_key")
    if "api_key" in masked:
        masked["api_key"] = as_key(masked["api_key"])
    return masked
