"""The fixtures of the sessions, where pytest-lsp and pygls are there: the extra ``test`` has both."""

from importlib.util import find_spec

if find_spec("pytest_lsp") and find_spec("pygls"):
    from tests.lsp.fixtures import server_command, server_environment, session

    __all__ = ["server_command", "server_environment", "session"]
