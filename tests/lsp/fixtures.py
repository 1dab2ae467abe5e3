"""A server in its own process, and pytest-lsp's client that talks to it by standard input and output."""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
import pytest_lsp
from lsprotocol import types

from tests.lsp.session import Session


@pytest.fixture
def server_command() -> list[str]:
    return [sys.executable, "-m", "cnndsl", "lsp"]


@pytest.fixture
def server_environment(root: Path) -> dict[str, str]:
    """In which `python -m cnndsl` is this project's, and warnings are shown."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}


@pytest_asyncio.fixture
async def session(
    server_command: Sequence[str], server_environment: dict[str, str], tmp_path: Path
) -> AsyncIterator[Session]:
    """An initialised session in an empty folder, shut down behind the test."""
    config = pytest_lsp.ClientServerConfig(server_command=list(server_command), server_env=server_environment)
    client = await config.start()
    session = Session(client, tmp_path)
    folder = types.WorkspaceFolder(tmp_path.as_uri(), "folder")
    capabilities = pytest_lsp.client_capabilities("visual-studio-code")
    await client.initialize_session(types.InitializeParams(capabilities=capabilities, workspace_folders=[folder]))
    yield session
    await client.shutdown_session()
    await client.stop()
