"""What a vLLM of our own runs: model, engine arguments, interpreter; and whether it can, before anything is started."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flows.domain.records import Json
from flows.errors import FatalLLMError, UsageError
from flows.llm.survey import Facts

OURS = frozenset({"model", "host", "port", "uds", "api_key", "served_model_name"})
"""Arguments that are not the recipe's to set."""
DEFAULTS: Mapping[str, Json] = {"enable_prefix_caching": True}
INSTALL = "pip install 'triplesmith[vllm]'"

_FIND = """
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
if find_spec("vllm"):
    try:
        print(version("vllm"))
    except PackageNotFoundError:
        print(version(packages_distributions()["vllm"][0]))
"""


@dataclass(frozen=True, slots=True)
class Setup:
    """A model and how vLLM is to run it; raises UsageError for engine arguments that cannot be passed on."""

    model: str
    """Folder, file or name at the model hub, as vLLM takes it."""
    alias: str | None = None
    """Name to give it in place of its own."""
    engine: Mapping[str, Json] = field(default_factory=dict)
    """vLLM's own arguments by their names with underscores, `tensor_parallel_size`."""
    python: str | None = None
    """Interpreter of the environment that has vLLM, or that environment's folder; None is the current one."""

    def __post_init__(self) -> None:
        if ours := sorted(OURS & {*self.engine}):
            raise UsageError(f"llm.engine.{ours[0]}: triplesmith sets this itself; leave it out.")

    @property
    def name(self) -> str:
        """Name of the model in files: the last part of a path, since folders are nobody's business."""
        return self.alias or (self._path.resolve().name if self._is_path else self.model)

    @property
    def source(self) -> str:
        """The model as vLLM takes it, paths expanded."""
        return str(self._path) if self._is_path else self.model

    @property
    def interpreter(self) -> str:
        """Path of the interpreter that runs vLLM."""
        if self.python is None:
            return sys.executable
        path = Path(self.python).expanduser()
        return str(path / "bin" / "python" if path.is_dir() else path)

    @property
    def arguments(self) -> dict[str, Json]:
        """Engine arguments with ours below the recipe's."""
        return {**DEFAULTS, **self.engine}

    @property
    def flags(self) -> list[str]:
        """The arguments as `vllm serve` takes them."""
        return [word for name, value in self.arguments.items() for word in _flag(name, value)]

    @property
    def environment(self) -> dict[str, str]:
        """Environment of vLLM's process: the current one, without analytics, and without paths of this interpreter."""
        apart = {"PYTHONPATH", "PYTHONHOME"} if self.python is not None else set()
        kept = {name: value for name, value in os.environ.items() if name not in apart}
        return {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", **kept}

    def look(self) -> Facts:
        """Find the package and, if it is on this machine, the model; nothing is started.

        Raises FatalLLMError when there is no vLLM, UsageError when the path of the model is wrong.
        """
        version = self._version()
        if self._is_path and not (self._path.is_file() or (self._path / "config.json").is_file()):
            lack = "it has no config.json" if self._path.is_dir() else "there is no such folder"
            raise UsageError(f"no model at {self._path}: {lack}. Give a folder that from_pretrained takes, or a name.")
        where = "this environment" if self.python is None else self.interpreter
        return Facts(f"vLLM {version} of {where}", self.name, context=self._context(), started=False)

    @property
    def _path(self) -> Path:
        return Path(self.model).expanduser()

    @property
    def _is_path(self) -> bool:
        return self.model.startswith(("/", "./", "../", "~")) or self._path.exists()

    def _version(self) -> str:
        command = [self.interpreter, "-c", _FIND]
        try:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"llm.python: {self.interpreter} does not run: {error}.") from None
        if version := done.stdout.strip():
            return version
        if self.python is not None:
            raise FatalLLMError(f"{self.interpreter} has no vLLM: run `{self.interpreter} -m pip install vllm`.")
        raise FatalLLMError(
            f"vLLM is not installed here: run `{INSTALL}`, "
            "or name the interpreter of an environment that has it, for serve:MODEL: --set llm.python=PATH."
        )

    def _context(self) -> int | None:
        """Tokens of question and answer together, as far as arguments and model say."""
        length = self.engine.get("max_model_len")
        if length is None and self._is_path:
            try:
                length = json.loads((self._path / "config.json").read_text()).get("max_position_embeddings")
            except (OSError, ValueError, AttributeError):
                return None
        return length if isinstance(length, int) and length > 0 else None


def _flag(name: str, value: Json) -> list[str]:
    flag = name.replace("_", "-")
    match value:
        case True:
            return [f"--{flag}"]
        case False:
            return [f"--no-{flag}"]
        case dict():
            return [f"--{flag}", json.dumps(value)]
        case list():
            return [f"--{flag}", *map(str, value)]
    return [f"--{flag}", str(value)]
