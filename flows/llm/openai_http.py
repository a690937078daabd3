"""Speak to any OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, llama.cpp, gateways.

A call is one aiohttp post of orjson bytes, a twentieth of the client CPU of the `openai` package's own request path;
that package stays the authority on address, key and headers (endpoint.py).
"""

import logging
import ssl

import aiohttp
from yarl import URL

from flows.errors import FatalLLMError, LLMError, TransientLLMError, UsageError
from flows.llm.endpoint import Endpoint, ServedModel
from flows.llm.ladder import GRACE, Ladder, Step
from flows.llm.memory import Learnt, Memory
from flows.llm.outcome import EndpointFailure, Failure, one_line, read_failure, to_error
from flows.llm.types import ChatRequest, Completion
from flows.llm.wire import Dialect, decode, encode

_log = logging.getLogger(__name__)

_KEEP_ALIVE = 4.0
"""Seconds that an idle connection is kept: less than uvicorn's 5, or a post may meet a connection just closed."""


class OpenAIHttp:
    """A model behind an endpoint; one instance serves one event loop.

    `concurrency` bounds open connections; `timeout` is seconds from sending to the last byte, so that a stalled or
    dripping answer ends too; what it learns of the endpoint goes to `memory`; `grace` is the ladder's. Raises what
    types.LLM names, at once and without retries.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        *,
        concurrency: int,
        timeout: float,
        memory: Memory | None = None,
        grace: float = GRACE,
    ) -> None:
        self.endpoint = endpoint
        self.model = ""
        self.ladder = Ladder()
        self.dialect = Dialect()
        self._memory = memory or Memory()
        self._grace = grace
        self._url = URL(f"{endpoint.url}/chat/completions")
        self._concurrency = concurrency
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self.choose(model)

    def choose(self, model: str) -> None:
        """Ask this model from now on, as an earlier process found that it is to be asked."""
        known = self._memory.recall(self.endpoint.url, model)
        self.model, self.dialect = model, known.dialect
        self.ladder = Ladder(known.step, grace=self._grace, learnt=self._keep)

    @property
    def rung(self) -> str | None:
        """The rung of structured output that the endpoint serves, None until it is known."""
        return self.ladder.rung

    async def complete(self, request: ChatRequest) -> Completion:
        """Send one request and read its answer."""
        if not self.model:
            raise UsageError(f"no model was chosen for {self.endpoint.url}: give --model NAME.")
        try:
            return await self.ladder.ask(request, self._post)
        except EndpointFailure as error:
            failure = error.failure
        if failure.no_model or failure.status == 404:
            raise await self._missing(failure)
        raise to_error(failure, where=self.endpoint.url, key_sent=bool(self.endpoint.key))

    async def models(self) -> tuple[ServedModel, ...]:
        """List what the endpoint serves; raises as Endpoint.models."""
        return await self.endpoint.models(patience=min(self._timeout, 30.0))

    async def aclose(self) -> None:
        """Close the connections; what is still asked fails."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _post(self, request: ChatRequest, step: Step) -> Completion:
        """Send at one step, putting up with parameters that the endpoint turns out not to take."""
        capped = True
        while True:
            dialect = self.dialect
            try:
                return await self._send(request, encode(request, self.model, step, dialect, capped=capped), step)
            except EndpointFailure as error:
                failure = error.failure
                if (parameter := failure.unsupported) and parameter not in dialect.without:
                    self._adapt(parameter, dialect)
                elif capped and failure.over_context and "max_" in failure.message and "tokens" in failure.message:
                    capped = False  # the question fits, only not with that much room: the model's own end will do
                else:
                    raise

    async def _send(self, request: ChatRequest, body: bytes, step: Step) -> Completion:
        if self._closed:
            raise TransientLLMError(f"the client of {self.endpoint.url} was closed", kind="reset")
        session = self._session or self._open()
        try:
            async with session.post(self._url, data=body, allow_redirects=False) as response:
                payload = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _broken(error, self.endpoint.url, self._timeout) from None
        if response.status == 200:
            return decode(payload, where=self.endpoint.url, rung=step.rung, secret=self.endpoint.key)
        raise EndpointFailure(read_failure(response.status, response.headers, payload, secret=self.endpoint.key))

    def _open(self) -> aiohttp.ClientSession:
        endpoint, secure = self.endpoint, self._url.scheme == "https"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._concurrency,
                keepalive_timeout=_KEEP_ALIVE,
                ttl_dns_cache=300,
                ssl=_system_certificates() if secure else True,
            ),
            headers=endpoint.headers,
            proxy=endpoint.proxy,
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=min(self._timeout, 30.0)),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session

    def _adapt(self, parameter: str, seen: Dialect) -> None:
        """Take note of a refused parameter, once however many requests find it out together."""
        if self.dialect is not seen:
            return
        self.dialect = seen.adapted(parameter)
        self._keep()
        _log.warning("%s does not take %s; requests are adapted from now on", self.endpoint.url, parameter)

    def _keep(self) -> None:
        known = self._memory.recall(self.endpoint.url, self.model)
        self._memory.keep(self.endpoint.url, self.model, Learnt(self.ladder.step or known.step, self.dialect))

    async def _missing(self, failure: Failure) -> LLMError | FatalLLMError:
        """Say whether the model or the whole path is missing, and which models there are."""
        try:
            names = [model.name for model in await self.models()]
        except (LLMError, FatalLLMError):
            names = []
        if self.model in names or not (names or failure.no_model):
            return to_error(failure, where=self.endpoint.url, key_sent=bool(self.endpoint.key))
        there = f"it serves {one_line(', '.join(names))}" if names else "it does not say which it serves"
        return FatalLLMError(f"{self.endpoint.url} has no model {self.model!r}: {there}. Give --model NAME.")


def _system_certificates() -> ssl.SSLContext:
    """Trust what the machine trusts, on every platform, as the `openai` package does."""
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _broken(error: BaseException, where: str, timeout: float) -> TransientLLMError | FatalLLMError:
    """Name what happened to a connection."""
    why = one_line(str(error) or type(error).__name__)
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return FatalLLMError(f"{where} shows a certificate that this machine does not trust: {why}.")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return TransientLLMError(f"nobody answers at {where}: {why}", kind="unreachable")
        case TimeoutError():
            return TransientLLMError(f"{where} did not answer within {timeout:g} s", kind="timeout")
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return TransientLLMError(f"{where} broke its answer off: {why}", kind="bad_body")
    return TransientLLMError(f"the connection to {where} broke: {why}", kind="reset")
