"""What a recipe file may say."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from flows.curation.policy import CurationPolicy
from flows.prompting.strict import SHARE_TOLERANCE, Strict
from flows.publishing.configs import DEFAULT, NAMES
from flows.publishing.formats.texts import REQUESTED

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Family(Strict):
    """One family of rows and where its words come from."""

    share: Share
    """Part of the run's rows."""
    prompt: str
    """Name of the prompt that writes a row."""
    brainstorm: str | None = None
    """Name of the prompt that lists tasks; None for a family whose task follows from its variables."""
    rows_per_task: Count = 2
    axes: dict[str, dict[str, Annotated[float, Field(ge=0)]]] = {}
    """Axis -> value -> weight, in place of the prompt's own weights; a value left out is not drawn."""


Stage = Literal["brainstorm", "generate"]


class LLMSettings(Strict):
    """One model: where it is, how it is asked, and its part of the work."""

    name: str = ""
    """Its name in ledger and report; the model's own when empty."""
    model: str | None = None
    """Name of the model at its endpoints; `--model`, or the only one served, when None."""
    endpoints: list[str] = []
    """Where it is, in the words of `--llm`; several addresses share the load. `--llm` goes before."""
    key: str | None = None
    """Environment variable that holds the endpoints' key; OPENAI_API_KEY when None."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Its part of the units of its stages, in proportion to the other entries'."""
    stages: Annotated[list[Stage], Field(min_length=1)] = ["brainstorm", "generate"]
    """The stages it serves."""
    python: str | None = None
    """Interpreter of the environment that has vLLM, for `serve:MODEL`; the current one when None."""
    engine: dict[str, Any] = {}
    """Arguments of vLLM's engine under its own names, for `serve:MODEL` and `vllm:MODEL`."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Count = 4096
    logprobs: bool = False
    """Whether to ask how probable each token of an answer was."""
    extra: dict[str, Any] = {}
    """Further fields of the request body."""
    concurrency: Count = 64
    """Most requests in flight at each endpoint."""
    timeout: Annotated[float, Field(gt=0)] = 300.0
    """Seconds one request may take."""
    max_stall: Annotated[float, Field(gt=0)] = 120.0
    """Seconds without any answer after which the run stops."""


class Brainstorm(Strict):
    """How task lists are asked for and thinned."""

    tasks_per_request: Count = 20
    near_duplicate: Annotated[float, Field(gt=0, le=1)] = 0.7
    """ROUGE-L F1 from which a task repeats an earlier one (Self-Instruct, arXiv 2212.10560)."""
    least_new: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of a round's tasks that must be new, or a family is asked for no more lists."""


class Limits(Strict):
    """When a run stops asking."""

    requests_per_row: Annotated[float, Field(ge=1)] = 2.0
    """Most requests of a family, as a multiple of its rows."""
    max_requests: Count | None = None
    """Answered requests after which the run stops."""
    max_tokens: Count | None = None
    """Tokens, read and written, after which it stops."""
    max_cost: Annotated[float, Field(gt=0)] | None = None
    """US dollars, by the prices of the recipe, after which it stops."""


class Shards(Strict):
    """How work is cut."""

    units: Count | None = None
    """Units in one shard, one Prefect task run; None: 128, and more for larger runs, up to 1,024."""
    processes: Count | None = None
    """Processes that ask, and that measure rows; None: one that asks, and as many that measure as there are cores."""


class Publish(Strict):
    """What the published data set says of itself."""

    validation: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of rows held out to choose a model by, by whole tasks."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of rows held out to judge a model by, by whole tasks."""
    near: Annotated[float, Field(gt=0, le=1)] = 0.8
    """ROUGE-L F1 from which two queries are near-copies, which go to one split."""
    configs: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] = DEFAULT
    """Configs to write; the first that holds a row is the default one."""
    negatives: Count = 1
    """Hard negatives on every line of the configs `n-tuple` and `scored`."""
    scorer: str = REQUESTED
    """Whose scores the config `scored` holds; `requested` is the grade that was asked for."""
    by_family: bool = False
    """Whether the training configs come once more for every family, for batches of one kind of task."""
    instructions: Annotated[tuple[Literal["instruct", "prefix"], ...], Field(strict=False)] = ()
    """Styles in which the training configs come once more with the instruction in the texts."""
    license: str = "other"
    license_name: str | None = "generator-terms"
    license_link: str | None = None
    pretty_name: str | None = None
    citation: str | None = None
    """BibTeX of the paper that the recipe follows."""

    @property
    def held_out(self) -> dict[str, float]:
        """Split -> share of the rows, without the train split."""
        return {name: share for name in ("validation", "test") if (share := getattr(self, name))}

    @field_validator("configs")
    @classmethod
    def _known_configs(cls, configs: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in configs if name not in NAMES]:
            raise ValueError(f"no config is called {unknown[0]!r}; there are {', '.join(NAMES)}")
        return tuple(dict.fromkeys(configs))

    @model_validator(mode="after")
    def _train_rows_remain(self) -> "Publish":
        if self.validation + self.test >= 1:
            raise ValueError(f"validation {self.validation:g} and test {self.test:g} leave no row to train on")
        return self


class Price(Strict):
    """US dollars for a million tokens of one model."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]


class Recipe(Strict):
    """A recipe file, checked."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    description: str
    rows: Count
    seed: int = 0
    recording: str | None = None
    """Recording that `--llm replay` answers from, a path below the prompt folder."""
    languages: dict[str, Share] = {}
    """ISO 639 code -> share of rows."""
    families: dict[str, Family] = {}
    """None in a recipe that only curates what was made elsewhere."""
    llm: Annotated[list[LLMSettings], Field(min_length=1)] = [LLMSettings()]
    """The models; a single table stands for a list of one."""
    brainstorm: Brainstorm = Brainstorm()
    limits: Limits = Limits()
    shards: Shards = Shards()
    curate: CurationPolicy = CurationPolicy()
    """Thresholds of the curation rules."""
    publish: Publish = Publish()
    prices: dict[str, Price] = {}
    """Model name -> price; a name matches models that start with it."""

    @field_validator("languages")
    @classmethod
    def _languages_sum(cls, languages: dict[str, float]) -> dict[str, float]:
        return _sums_to_one(languages) if languages else languages

    @field_validator("llm", mode="before")
    @classmethod
    def _one_is_a_list(cls, llm: object) -> object:
        return [llm] if isinstance(llm, dict) else llm

    @model_validator(mode="after")
    def _every_stage_has_models(self) -> "Recipe":
        names = [entry.name or entry.model or "" for entry in self.llm]
        if len(names) > 1 and (not all(names) or len({*names}) < len(names)):
            raise ValueError("llm: several entries need a name or model each, all different")
        for stage in get_args(Stage):
            if not self.models(stage):
                raise ValueError(f"llm: no entry serves the stage {stage!r}")
        return self

    @property
    def shard_units(self) -> int:
        """Units in one shard: few enough to spread and to hold, enough that their task run costs next to nothing."""
        return self.shards.units or min(1024, max(128, self.rows // 10))

    @property
    def entries(self) -> dict[str, LLMSettings]:
        """The models by name; a single one is named the empty text, since any model may take its place."""
        if len(self.llm) == 1:
            return {"": self.llm[0]}
        return {entry.name or entry.model or "": entry for entry in self.llm}

    def models(self, stage: Stage) -> dict[str, LLMSettings]:
        """Give the entries that serve a stage, by name."""
        return {name: entry for name, entry in self.entries.items() if stage in entry.stages}

    @model_validator(mode="after")
    def _families_sum(self) -> "Recipe":
        if self.families:
            _sums_to_one({name: family.share for name, family in self.families.items()}, "families: ")
        if bool(self.families) != bool(self.languages):
            raise ValueError(f"{'languages' if self.families else 'families'}: missing")
        return self


def _sums_to_one(shares: dict[str, float], where: str = "") -> dict[str, float]:
    total = sum(shares.values())
    if abs(total - 1) > SHARE_TOLERANCE:
        raise ValueError(f"{where}the shares sum to {total:.4g}, they must sum to 1")
    return shares
