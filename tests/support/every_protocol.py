"""A fixture `stub` of all protocols, for modules that import it: the `stub` of other modules has those of chat."""

import pytest

from tests.support.protocols import EVERY_STUB, ProtocolStub


@pytest.fixture(params=EVERY_STUB, ids=[stub.protocol for stub in EVERY_STUB])
def stub(request: pytest.FixtureRequest) -> ProtocolStub:
    # Most tests name `qwen-plus`, which has only basic compatibility on the Responses API, of which each call warns.
    request.applymarker(pytest.mark.filterwarnings("ignore:The Responses API documents only basic compatibility"))
    chosen: ProtocolStub = request.param
    return chosen
