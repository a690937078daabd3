import pytest

from tests.publishing.test_card import make_folder
from tests.servers.hub_server import hub_server


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    with hub_server() as state:
        monkeypatch.setenv("HF_ENDPOINT", state.url)
        monkeypatch.setenv("HF_TOKEN", "hf_alice")
        yield state


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "publish")
