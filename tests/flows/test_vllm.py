import signal
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.llm.vllm.conftest import Diary, diary, fake_python, until

__all__ = ["diary", "fake_python"]
RECIPE = Path(__file__).parents[1] / "llm" / "vllm" / "noise" / "noise.toml"


def test_a_polite_stop_while_the_server_starts(cli, tmp_path: Path, fake_python: str, diary: Diary):
    settings = ("llm.engine={}", f"llm.engine.diary={diary.path}", "llm.engine.never_healthy=true")
    words = [word for setting in (*settings, f"llm.python={fake_python}") for word in ("--set", setting)]
    process = cli.start("run", RECIPE, "--llm", "serve:m", *words, "--out", tmp_path / "t", TMPDIR=str(tmp_path))
    assert until(lambda: diary.lives, 120)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip().splitlines()[-1] == "triplesmith: interrupted; the same command continues the run"
    assert until(lambda: not diary.survivors)


def test_a_server_that_does_not_start_is_one_line(cli, tmp_path: Path, fake_python: str, diary: Diary):
    settings = (f"llm.engine.diary={diary.path}", f"llm.python={fake_python}")  # and what only a real vLLM takes
    words = [word for setting in settings for word in ("--set", setting)]
    done = cli("run", RECIPE, "--llm", "serve:m", *words, "--out", tmp_path / "t", TMPDIR=str(tmp_path))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("triplesmith: vLLM did not start: exit code 2: vllm serve: error: unrecognized arguments: ")
    assert "Traceback" not in done.stderr


def test_doctor_says_which_vllm_would_be_started(cli, fake_python: str):
    done = cli("doctor", "--llm", "serve:some/model", TRIPLESMITH_VLLM_PYTHON=fake_python)
    assert f"ok    model      vLLM 9.9.9 of {fake_python} is there, to be started with some/model" in done.stdout


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
def test_without_the_package_one_line_says_what_to_install(cli, tmp_path: Path):
    done = cli("run", RECIPE, "--llm", "vllm:m", "--out", tmp_path / "t", PYTHONPATH=str(RECIPE.parents[4]))
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("triplesmith: vLLM is not installed here: run `pip install")
