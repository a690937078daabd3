"""Where an OpenAI-compatible server is, how to speak to it, and which models it has.

The `openai` package decides: base URL, key, organisation, project and custom headers are read by its own rules
(OPENAI_API_KEY, OPENAI_ORG_ID, OPENAI_PROJECT_ID, …), so that whatever works with it works here.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import orjson

from flows import __version__
from flows.errors import AbsentError, LLMError, UsageError
from flows.llm.outcome import one_line, read_failure, to_error

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_NO_KEY = "no-key"  # servers on one's own machine want none, the package wants one


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model of an endpoint."""

    name: str
    context: int | None = None
    """Tokens it can take, question and answer together, where the server says so (vLLM does)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address with all that a request to it needs; no secret shows in its repr."""

    url: str
    """Base URL without credentials, without a slash at the end."""
    headers: Mapping[str, str] = field(repr=False)
    key: str = field(repr=False)
    """The secret in the headers, empty when there is none."""
    proxy: str | None = field(default=None, repr=False)
    """Proxy that the environment names for this address."""

    def client(self, patience: float) -> "AsyncOpenAI":
        """Give the `openai` package's own client, without retries, for what is not asked once per row."""
        return _client(self.url, self.key, self.headers, patience)

    async def models(self, *, patience: float = 30.0) -> tuple[ServedModel, ...]:
        """List the models within `patience` seconds, none when the server keeps no list.

        Raises AbsentError when nobody is there, FatalLLMError when the key is refused, LLMError when the server is not
        well.
        """
        import openai

        async with self.client(patience) as client:
            try:
                reply = await client.models.with_raw_response.list()
                return _read_models(orjson.loads(reply.content))
            except openai.APIStatusError as error:
                if error.status_code in (404, 405):
                    return ()
                response = error.response
                failure = read_failure(response.status_code, response.headers, response.content, secret=self.key)
                raise to_error(failure, where=self.url, key_sent=bool(self.key)) from None
            except openai.APIConnectionError as error:
                late = isinstance(error, openai.APITimeoutError)
                why = f"silent for {patience:g} s" if late else one_line(str(error.__cause__ or error), secret=self.key)
                raise AbsentError(f"nobody answers at {self.url}: {why}. Start the server or mend --llm.") from None
            except (orjson.JSONDecodeError, openai.OpenAIError):
                raise LLMError(f"{self.url}/models is no list of models") from None


def resolve(url: str, api_key: str | None = None) -> Endpoint:
    """Read an address and the environment; raises UsageError for an address that cannot be."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"not an address: {one_line(url)} ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"not an address: {one_line(url)}; write http://HOST:PORT/v1 or https://HOST/v1")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    address = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
    key, extra = api_key, {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        key = base64.b64encode(login.encode()).decode()
        extra = {"Authorization": f"Basic {key}"}
    client = _client(address, key, extra, 30.0)
    if client.api_key == _NO_KEY:
        key = ""
    headers = {name: value for name, value in client.default_headers.items() if isinstance(value, str)}
    headers = {name: value for name, value in headers.items() if not name.lower().startswith("x-stainless")}
    headers = {**headers, "User-Agent": f"triplesmith/{__version__}", **client.auth_headers, **extra}
    return Endpoint(address, headers, client.api_key if key is None else key, _proxy(parts.scheme, netloc))


def _proxy(scheme: str, netloc: str) -> str | None:
    proxy = None if proxy_bypass(netloc) else getproxies().get(scheme)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _client(url: str, key: str | None, headers: Mapping[str, str], timeout: float) -> "AsyncOpenAI":
    from openai import AsyncOpenAI, OpenAIError

    try:
        return AsyncOpenAI(base_url=url, api_key=key or None, default_headers=headers, timeout=timeout, max_retries=0)
    except OpenAIError:
        return AsyncOpenAI(base_url=url, api_key=_NO_KEY, default_headers=headers, timeout=timeout, max_retries=0)


def _read_models(listing: Any) -> tuple[ServedModel, ...]:
    """Read OpenAI's listing, and the bare list that some gateways give."""
    entries = listing.get("data", listing.get("models")) if isinstance(listing, dict) else listing
    models = []
    for entry in entries if isinstance(entries, list) else ():
        name = entry.get("id") or entry.get("name") if isinstance(entry, dict) else entry
        if isinstance(name, str):
            context = entry.get("max_model_len") if isinstance(entry, dict) else None
            models.append(ServedModel(name, context if isinstance(context, int) else None))
    return tuple(models)
