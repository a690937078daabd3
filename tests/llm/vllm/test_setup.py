"""What is passed on to vLLM, and what of its log is shown."""

import sys
from pathlib import Path

import pytest

from flows.errors import UsageError
from flows.llm.open import open_llm
from flows.llm.policy import CallPolicy
from flows.llm.vllm.log import last_words, telling
from flows.llm.vllm.setup import Setup


def test_arguments_become_flags():
    engine = {
        "max_model_len": 2048,
        "dtype": "bfloat16",
        "gpu_memory_utilization": 0.8,
        "enforce_eager": True,
        "enable_chunked_prefill": False,
        "structured_outputs_config": {"backend": "xgrammar"},
        "lora_modules": ["a=b", "c=d"],
    }
    assert Setup("m", engine=engine).flags == [
        *("--enable-prefix-caching", "--max-model-len", "2048", "--dtype", "bfloat16"),
        *("--gpu-memory-utilization", "0.8", "--enforce-eager", "--no-enable-chunked-prefill"),
        *("--structured-outputs-config", '{"backend": "xgrammar"}', "--lora-modules", "a=b", "c=d"),
    ]
    assert Setup("m", engine={"enable_prefix_caching": False}).flags == ["--no-enable-prefix-caching"]


def test_a_model_is_named_without_its_folder(tmp_path: Path):
    assert Setup("Qwen/Qwen3-8B").name == "Qwen/Qwen3-8B"
    assert Setup(f"{tmp_path}/").name == tmp_path.name
    assert Setup("~/models/llama").name == "llama"
    assert Setup("Qwen/Qwen3-8B", alias="mine").name == "mine"


def test_another_environment_is_named_by_its_interpreter_or_its_folder(tmp_path: Path):
    assert Setup("m").interpreter == sys.executable
    assert Setup("m", python=str(tmp_path)).interpreter == f"{tmp_path}/bin/python"
    assert Setup("m", python="~/v/bin/python").interpreter == str(Path.home() / "v/bin/python")


def test_paths_of_this_interpreter_stay_out_of_another_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "/here")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert Setup("m").environment["PYTHONPATH"] == "/here"
    other = Setup("m", python="/p").environment
    assert (other.get("PYTHONPATH"), other["CUDA_VISIBLE_DEVICES"], other["DO_NOT_TRACK"]) == (None, "1", "1")


def test_in_process_there_is_only_this_environment():
    with pytest.raises(UsageError, match=r"llm\.python is for serve:MODEL"):
        open_llm(["vllm:m"], model=None, policy=CallPolicy(), python="/p")


CRASH = """\
(APIServer pid=7) INFO 11-29 19:47:42 [api.py:3] starting
(EngineCore pid=9) ERROR 11-29 19:47:50 [core.py:1] Traceback (most recent call last):
(EngineCore pid=9) ERROR 11-29 19:47:50 [core.py:1]     raise ValueError(
(EngineCore pid=9) ERROR 11-29 19:47:50 [core.py:1] ValueError: No available memory for the cache blocks.
(APIServer pid=7) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (CRASH, ["ValueError: No available memory for the cache blocks."]),
        ("usage: x\nvllm serve: error: unrecognized: --x\n", ["vllm serve: error: unrecognized: --x"]),
        ("a\n\nb\nc\nd\n", ["b", "c", "d"]),
        ("", ["it said nothing"]),
    ],
    ids=["a traceback of another process", "argparse", "no error at all", "silence"],
)  # fmt: skip
def test_the_line_that_tells_why_is_found(log: str, said: list[str]):
    assert telling(log.splitlines()) == said


def test_last_words_are_one_line_without_secrets(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("x" * 100_000 + "\nRuntimeError: the key s3cret is\todd\n")
    assert last_words(log, secret="s3cret") == f"RuntimeError: the key [key] is odd (log: {log})"


def test_what_an_earlier_engine_said_is_passed_over(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("ValueError: old\n")
    since = log.stat().st_size
    with log.open("a") as file:
        file.write("ValueError: new\n")
    assert last_words(log, since=since).startswith("ValueError: new (")


def test_a_log_that_is_gone_hides_no_death(tmp_path: Path):
    assert "cannot be read (No such file or directory)" in last_words(tmp_path / "none")
