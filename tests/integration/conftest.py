"""Who comes to the application without sockets and without a key."""

import pytest

from tests.support.web import client_of


@pytest.fixture
def visitor(resources):
    with client_of(resources) as client:
        yield client
