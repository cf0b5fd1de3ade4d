"""A Redis of a module's own, and who comes to the application without a key."""

import pytest

from tests.support.processes import RedisServer
from tests.support.web import client_of


@pytest.fixture
def visitor(resources):
    with client_of(resources) as client:
        yield client


@pytest.fixture(scope="module")
def redis_server():
    server = RedisServer()
    server.start()
    yield server
    server.close()
