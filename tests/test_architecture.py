import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "flows").rglob("*.py"))


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "flows", "tests"],
        ["ruff", "format", "--check", "flows", "tests"],
        ["mypy"],
        ["importlinter.cli", "--config", "pyproject.toml"],
    ],
    ids=["ruff check", "ruff format", "mypy", "import contracts"],
)
def test_the_checkers_agree(command):
    if command[0] == "importlinter.cli":
        command = ["-c", "from importlinter.cli import lint_imports_command as run; run()"]
    else:
        command = ["-m", *command]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_longer_than_300_lines():
    long = {path.name: count for path in MODULES if (count := len(path.read_text().splitlines())) > 300}
    assert not long


def test_help_needs_no_heavy_package():
    code = "import sys, flows.cli; flows.cli.main(['recipes']) if 0 else flows.cli._parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert not {"prefect", "openai", "datasets", "pyarrow", "pydantic", "aiohttp"} & {*loaded}
