"""Which key now: sealed where it was given, asked for where a callable gives it."""

import asyncio
import base64
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, InstanceOf, PlainSerializer, SecretStr
from pydantic.json_schema import SkipJsonSchema

from langchain_qwen_workspace._seam import Request
from langchain_qwen_workspace.errors import ConfigurationError, MissingApiKeyError

KeyCallable: TypeAlias = Callable[[], str | SecretStr] | Callable[[], Awaitable[str | SecretStr]]
"""What gives a key when it is asked, at once or as a coroutine."""


class _PicklableSecret(SecretStr):
    """A key that a pickle holds encoded: whoever has the pickle has the key, but no log shows it in clear."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unseal, (base64.b85encode(self.get_secret_value().encode()),)


def _unseal(sealed: bytes) -> _PicklableSecret:
    return _PicklableSecret(base64.b85decode(sealed).decode())


def validate_key(key: SecretStr) -> SecretStr:
    """Return a key that a pickle does not hold in clear.

    Raises:
        ConfigurationError: It is no key.
    """
    value = key.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(
            "`api_key` is empty or has a blank, a line break or a character that no key has. "
            "Expected the key as the console shows it (`sk-…`)."
        )
    return _PicklableSecret(value)


class KeyProvider:
    """A key that a callable gives: asked for when it is first needed, kept, and asked for again once it was refused.

    Threads and tasks that need it at once share one asking and what it gave. An `async def` is asked in the event loop
    that needs the key, since what it calls with belongs to that loop: once in each, and never from a synchronous call.
    Any other callable may block: an asynchronous call asks it in a thread of its own, not in one of the loop's
    executor, all of which may be waiting for this key.

    Two are equal if their callables are. Copies are the original; a pickle has the callable and no key.
    """

    def __init__(self, ask: KeyCallable) -> None:
        """Remember the callable; it is not called before the key is needed."""
        self._ask = ask
        self._asynchronous = inspect.iscoroutinefunction(ask) or inspect.iscoroutinefunction(type(ask).__call__)
        self._key: SecretStr | None = None
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
            request: What it is needed for.
            refused: What an earlier asking gave and the service did not take; whatever a later one gave is returned.

        Raises:
            MissingApiKeyError: The callable failed, or gave no key.
            ConfigurationError: It is an `async def`.
        """
        if self._asynchronous:
            raise ConfigurationError(
                f"The key of {_whose(request)} is given by `async def {self._name}`, which a synchronous call cannot "
                "await; nothing was sent.",
                **request.error_context,
                hint="Call the asynchronous method (`ainvoke`, `astream`, `aembed_documents`, …), or give `api_key` a "
                "callable that is not async.",
            )
        if self._key is not None and self._key is not refused:
            return self._key
        asking, first = self._join_or_start_request(refused)
        if first:
            self._answer(asking)
        return self._told(asking.result(), request)

    async def aget(self, request: Request, refused: SecretStr | None = None) -> SecretStr:
        """Return the key, like `get`, which an `async def` may give as well."""
        if self._key is not None and self._key is not refused:
            return self._key
        if self._asynchronous:
            # Shielded: a caller that is cancelled takes the key from nobody else.
            return self._told(await asyncio.shield(self._task()), request)
        asking, first = self._join_or_start_request(refused)
        if first:
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._answer, asking), name=repr(self), daemon=True).start()
        return self._told(await asyncio.wrap_future(asking), request)

    def _join_or_start_request(self, refused: SecretStr | None) -> tuple["Future[SecretStr | BaseException]", bool]:
        """Return the asking that is under way, and whether the caller has to ask because none was."""
        with self._lock:
            if self._asking is not None:
                return self._asking, False
            asking = Future[SecretStr | BaseException]()
            asking.set_running_or_notify_cancel()  # Which nobody who waits for it can cancel any more.
            if self._key is not None and self._key is not refused:
                asking.set_result(self._key)
                return asking, False
            self._asking = asking
            return asking, True

    def _answer(self, asking: "Future[SecretStr | BaseException]") -> None:
        try:
            outcome: SecretStr | BaseException = _checked(self._ask())
        except BaseException as error:  # Whoever waits must be told, also if the program is interrupted.
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
            self._key = key = _checked(await given)
        except Exception as error:  # noqa: BLE001 - told to each who waits
            return error
        else:
            return key
        finally:
            self._tasks.pop(loop, None)  # It is not there yet if the loop's tasks start eagerly.

    def _told(self, outcome: SecretStr | BaseException, request: Request) -> SecretStr:
        if isinstance(outcome, SecretStr):
            return outcome
        raise MissingApiKeyError(
            f"`{self._name}`, which gives the key of {_whose(request)}, failed with {type(outcome).__name__}; nothing "
            "was sent.",
            **request.error_context,
            hint="What it raised, or what is wrong with what it returned, is this error's `__cause__`.",
        ) from outcome


def _whose(request: Request) -> str:
    destination = request.destination
    return (
        f"workspace {destination.workspace_id}"
        if destination.workspace_id
        else f"the workspace in {destination.region}"
    )


def _checked(given: object) -> SecretStr:
    if isinstance(given, str | SecretStr):
        return validate_key(given if isinstance(given, SecretStr) else SecretStr(given))
    if inspect.iscoroutine(given):
        given.close()
        raise TypeError("It returned a coroutine. Expected a key; a callable that has to be awaited is an `async def`.")
    raise TypeError(f"It returned an object of type {type(given).__name__}. Expected a string or a `SecretStr`.")


def as_key(given: Any) -> Any:
    """Return a key as it is held: hidden, or asked for where it is a callable; what is none of these as it is."""
    if isinstance(given, bytes):
        given = given.decode(errors="replace")
    if isinstance(given, str):
        return SecretStr(given)
    if callable(given) and not isinstance(given, KeyProvider):
        return KeyProvider(given)
    return given


def checked_key(key: SecretStr | KeyProvider) -> SecretStr | KeyProvider:
    """Return a key that a pickle does not hold in clear.

    Raises:
        ConfigurationError: It is no key.
    """
    return validate_key(key) if isinstance(key, SecretStr) else key


_Asked = Annotated[InstanceOf[KeyProvider], PlainSerializer(repr, return_type=str, when_used="json")]
if TYPE_CHECKING:
    # What may be given, as a type checker sees the parameter; the field holds a `SecretStr` or a `KeyProvider`.
    ApiKey: TypeAlias = str | SecretStr | KeyCallable | KeyProvider
else:
    ApiKey = Annotated[SecretStr | SkipJsonSchema[_Asked], BeforeValidator(as_key), AfterValidator(checked_key)]


class SecretKeyModel(BaseModel):
    """A model that hides its key before anything can fail: pydantic's errors carry the input they were given."""

    def __init__(self, **data: Any) -> None:
        super().__init__(**mask_key(data))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; a key among the changes is hidden as well."""
        changed = mask_key(update or {})
        if isinstance(key := changed.get("api_key"), SecretStr):
            changed["api_key"] = validate_key(key)
        return super().model_copy(update=changed, deep=deep)


def mask_key(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the key among them hidden."""
    return {**values, "api_key": as_key(values["api_key"])} if "api_key" in values else dict(values)
