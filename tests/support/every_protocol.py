"""A fixture `stub` of all protocols, for modules that import it: the `stub` of other modules has those of chat."""

import warnings

import pytest

from tests.support.protocols import EVERY_STUB, ProtocolStub


@pytest.fixture(params=EVERY_STUB, ids=[stub.protocol for stub in EVERY_STUB])
def stub(request: pytest.FixtureRequest) -> ProtocolStub:
    # Most tests name `qwen-plus`, which has only basic compatibility on the Responses API, of which each call warns.
    # pytest restores the filters after the test; a mark would come too late, since it has read the marks by now.
    warnings.filterwarnings("ignore", message="The Responses API documents only basic compatibility")
    chosen: ProtocolStub = request.param
    return chosen
