"""Look at an endpoint before a run: whether somebody is there, which model, and how it holds to a schema."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from flows.errors import AbsentError, FatalLLMError, LLMError, UsageError
from flows.llm.outcome import one_line
from flows.llm.types import ChatRequest, Message

if TYPE_CHECKING:
    from flows.llm.batch.client import OpenAIBatch
    from flows.llm.endpoint import ServedModel
    from flows.llm.openai_http import OpenAIHttp

_HELLO = ChatRequest((Message("user", "Hello"),), max_tokens=1)
_PROBE = ChatRequest(
    messages=(Message("user", "Greet the reader in one short sentence, as JSON."),),
    schema={
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["red", "green"]}},
        "required": ["colour"],
        "additionalProperties": False,
    },
    schema_name="probe",
    max_tokens=256,
)
"""A question whose natural answer breaks the schema: only a server that holds to it answers so."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model before the first request of a run."""

    where: str
    """Address without credentials, or the recordings."""
    model: str
    models: tuple[str, ...] = ()
    """All that the endpoint serves, as far as it says."""
    context: int | None = None
    """Tokens that question and answer may have together, where the endpoint says so."""
    rung: str | None = None
    """How the endpoint holds an answer to its schema, if that is known."""
    held: bool | None = None
    """Whether the probe's answer kept to its schema; None when there was no probe."""
    adapted: tuple[str, ...] = ()
    """Parameters that the endpoint does not take."""
    absent: str | None = None
    """Why nothing more is known: nobody answers."""
    started: bool = True
    """False for an engine of our own, which starts with the first request."""


async def survey(client: "OpenAIHttp", *, probe: bool = False) -> Facts:
    """Ask an endpoint what it is, choosing its model where none was named and only one is served.

    `probe` sends one small request to find the rung of structured output. Raises AbsentError when nobody is there,
    FatalLLMError when the key is refused or the model is missing, and UsageError when a choice of model is needed.
    """
    where = client.endpoint.url
    named = bool(client.model)
    served = await _choose_model(client)
    names = tuple(model.name for model in served)
    if named and names and client.model not in names:
        with suppress(LLMError):
            await client.complete(_HELLO)  # lists leave out aliases: whether the model is there only a request tells
    context = next((model.context for model in served if model.name == client.model), None)
    held = await _probe(client) if probe else None
    dialect = client.dialect
    adapted = sorted({*dialect.without, *(("max_tokens",) if dialect.completion_tokens else ())})
    return Facts(where, client.model, names, context, client.rung, held, tuple(adapted))


async def survey_all(clients: Sequence["OpenAIHttp"], *, probe: bool = False) -> tuple[Facts, ...]:
    """Ask every endpoint of one model; an absent one is said to be so as long as another is there.

    Raises as `survey`, AbsentError when nobody is anywhere.
    """
    findings: list[Facts] = []
    missing: list[AbsentError] = []
    for client in clients:
        if not client.model:
            client.choose(next((other.model for other in clients if other.model), ""))
        try:
            findings.append(await survey(client, probe=probe))
        except AbsentError as error:
            missing.append(error)
            findings.append(Facts(client.endpoint.url, client.model, absent=str(error)))
    if len(missing) == len(clients):
        raise missing[0]
    for client in clients:
        if not client.model:
            client.choose(next(other.model for other in clients if other.model))
    return tuple(findings)


async def survey_batch(client: "OpenAIBatch") -> Facts:
    """Ask an endpoint whether it has a Batch API, choosing its model as `survey` does; raises as that.

    Nothing is sent to a model. Files that are run by hand need one to be named, by UsageError.
    """
    if client.api is None:
        if not client.model:
            raise UsageError("which model will run the batch files? Give --model NAME, as it is written into them.")
        return Facts("batch files, run by hand,", client.model)
    names = tuple(model.name for model in await _choose_model(client))
    await client.api.look()
    return Facts(f"the Batch API of {client.endpoint.url}", client.model, names)


async def _choose_model(client: "OpenAIHttp") -> "tuple[ServedModel, ...]":
    """List the models and take the only one where none was named."""
    try:
        served = await client.models()
    except LLMError as error:
        if not client.model:
            raise FatalLLMError(f"cannot list the models: {error}. Try again, or give --model NAME.") from None
        return ()
    if not client.model:
        names = [model.name for model in served]
        if len(names) != 1:
            choice = f"it serves {one_line(', '.join(names))}" if names else "it does not say which it serves"
            raise UsageError(f"which model of {client.endpoint.url}? Give --model NAME; {choice}.")
        client.choose(names[0])
    return served


async def _probe(client: "OpenAIHttp") -> bool:
    try:
        completion = await client.complete(_PROBE)
    except LLMError as error:
        raise FatalLLMError(f"a test request was not answered: {error}") from None
    try:
        return orjson.loads(completion.text).get("colour") in ("red", "green")
    except (orjson.JSONDecodeError, AttributeError):
        return False
