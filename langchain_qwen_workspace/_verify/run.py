"""Runs the checks of beliefs in order, and says of each how it turned out, however the run ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from langchain_qwen_workspace._verify.anonymize import LeftoverError
from langchain_qwen_workspace._verify.beliefs import Belief
from langchain_qwen_workspace._verify.budget import BudgetError
from langchain_qwen_workspace._verify.checks import CHECKS
from langchain_qwen_workspace._verify.session import CannotKnow, KeyRefused, NoConnection, Session, describe
from langchain_qwen_workspace.errors import AuthenticationError, QwenWorkspaceError

Verdict = Literal["as believed", "otherwise", "cannot be known with this key"]
AS_BELIEVED: Verdict = "as believed"
OTHERWISE: Verdict = "otherwise"
UNKNOWN: Verdict = "cannot be known with this key"

# So many requests in a row without a response: the network is gone.
_MOST_FAILURES = 3


@dataclass(frozen=True)
class Result:
    """How a belief turned out.

    Attributes:
        belief: The belief.
        verdict: The verdict.
        observed: What was observed, or why nothing could be.
        request_id: The id of the request that decided.
    """

    belief: Belief
    verdict: Verdict
    observed: str
    request_id: str | None = None


class Run:
    """One verification.

    Args:
        session: The connection.
        beliefs: The beliefs, in the order in which they are checked.
    """

    def __init__(self, session: Session, beliefs: Sequence[Belief]) -> None:
        self.session = session
        self.beliefs = beliefs
        self.results: list[Result] = []
        self.stopped: str | None = None
        """Why not every belief was checked; `None` if all were."""
        self._failures = 0

    def execute(self, show: Callable[[Result], None] = lambda _: None) -> None:
        """Check the beliefs. Ctrl-C, a refused key or a dropped network end the run, and `stopped` says so.

        Args:
            show: Takes each result as soon as it is known.
        """
        try:
            for belief in self.beliefs:
                self.results.append(self._check(belief))
                show(self.results[-1])
                if self._failures >= _MOST_FAILURES:
                    self.stopped = f"{_MOST_FAILURES} requests in a row had no whole response."
                    return
        except KeyboardInterrupt:
            self.stopped = "It was interrupted."
        except (KeyRefused, AuthenticationError, LeftoverError) as error:
            self.stopped = str(error)

    @property
    def unchecked(self) -> Sequence[Belief]:
        """The beliefs that were not checked, since the run was stopped."""
        return self.beliefs[len(self.results) :]

    def _check(self, belief: Belief) -> Result:
        region = self.session.workspace.region
        if belief.region not in {None, region}:
            return Result(belief, UNKNOWN, f"It is about the region {belief.region}; the workspace is in {region}.")
        self.session.recorder.check = belief.id
        try:
            observation = CHECKS[belief.check](self.session, belief)
        except NoConnection as error:
            self._failures += 1
            return Result(belief, UNKNOWN, str(error))
        except (KeyRefused, AuthenticationError, LeftoverError):
            raise
        except (CannotKnow, BudgetError) as error:
            return Result(belief, UNKNOWN, str(error))
        except QwenWorkspaceError as error:
            return Result(belief, UNKNOWN, f"{type(error).__name__}: {error}")
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            found = describe(self.session.recorder.last)
            return Result(belief, OTHERWISE, f"The response has another shape ({type(error).__name__}): {found}")
        self._failures = 0
        verdict = AS_BELIEVED if observation.agrees else OTHERWISE
        return Result(belief, verdict, observation.text, observation.request_id)
