"""What a caller asks of a run: the flow's parameters, shown as a form in Prefect's interface."""

from pydantic import BaseModel, ConfigDict, Field


class CurateRequest(BaseModel):
    """Curation of triples that were made elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="File, folder, run, or data set on the Hub")
    out: str | None = Field(None, description="Run folder; outputs/<name of the source> when empty")
    recipe: str = Field("curate", description="Recipe whose thresholds, seed and card settings are taken")
    changes: list[str] = Field(default_factory=list, description="Changes to the recipe, key=value each")
    config: str | None = Field(None, description="Config of the data set")
    split: str | None = Field(None, description="Split of the data set; train when empty")
    columns: str = Field("", description="Columns by role, role=column,role=column+column; found out when empty")
    scores: str = Field("", description="Range of graded pairs' scores, least..greatest; found out when empty")
    family: str = Field("", description="Family of rows that name none")
    language: str = Field("", description="Language of rows that name none; found out when empty")
    index: str | None = Field(None, description="Folder of the index of earlier runs, whose twins are dropped")
    benchmarks: list[str] = Field(default_factory=list, description="Benchmarks whose texts no row may hold")
    publish: str | None = Field(None, description="Hub data set USER/NAME to upload to")
    public: bool = Field(False, description="Create the Hub data set public, not private")
    append: bool = Field(False, description="Add to what the Hub data set holds, do not replace it")


class RunRequest(BaseModel):
    """One run. Secrets are not here: keys and tokens come from the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str = Field("quickstart", description="Name of a recipe, or path of a .toml file")
    out: str | None = Field(None, description="Run folder; outputs/<recipe> when empty; {date} stands for the day")
    rows: int | None = Field(None, ge=1, description="Accepted rows to make; the recipe's when empty")
    seed: int | None = Field(None, description="Seed of every draw; the recipe's when empty")
    llm: str | None = Field(
        None, description="replay, replay:PATH, URL of an OpenAI-compatible server, serve:MODEL, vllm:MODEL, batch:URL"
    )
    model: str | None = Field(None, description="Model name at that server")
    changes: list[str] = Field(default_factory=list, description="Changes to the recipe, key=value each")
    record: str | None = Field(None, description="File that every reply is recorded to, for --llm replay:PATH")
    index: str | None = Field(None, description="Folder of the index of earlier runs, whose twins are dropped")
    benchmarks: list[str] = Field(default_factory=list, description="Benchmarks whose texts no row may hold")
    publish: str | None = Field(None, description="Hub data set USER/NAME to upload to")
    public: bool = Field(False, description="Create the Hub data set public, not private")
    append: bool = Field(False, description="Add to what the Hub data set holds, do not replace it")
