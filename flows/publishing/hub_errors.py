"""What a failed call to the Hub means: worth another try, or one line for a person."""

from json import JSONDecodeError

from flows.errors import PublishError

CONFLICT = (409, 412)
"""Someone else committed since the head was read."""

TRANSIENT = (408, 429, 500, 502, 503, 504)


def expected() -> tuple[type[Exception], ...]:
    """Give what the client raises when a call fails; anything else is a mistake in the program."""
    from huggingface_hub.errors import HfHubHTTPError

    # the first base is the root error of the HTTP library that this version of the client is built on
    return (HfHubHTTPError.__bases__[0], OSError, ValueError, RuntimeError)


def retry_after(error: Exception) -> float | None:
    """Seconds the Hub asks us to wait (0 when it names none) before the same call may succeed; None: it never will."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    error = _cause(error)
    status = _status(error)
    if status in CONFLICT:
        return 0.0
    if status in TRANSIENT:
        asked = error.response.headers.get("Retry-After", "") if isinstance(error, HfHubHTTPError) else ""
        return float(asked) if asked.isdigit() else 0.0
    if _lacks_xet(error):
        return None
    # an answer that is no JSON is a gateway's error page, where the client reads before it looks at the status
    broken = isinstance(error, (expected()[0], ConnectionError, TimeoutError, JSONDecodeError))
    return 0.0 if broken and status is None and not isinstance(error, OfflineModeIsEnabled) else None


def explain(error: Exception, repo_id: str, endpoint: str, token: str | None) -> PublishError:
    """Say what went wrong and what to do; the token never stands in it."""
    error = _cause(error)
    line = f"{repo_id}: {_advice(error, repo_id, endpoint)}"
    return PublishError(line.replace(token, "***") if token else line)


def _advice(error: Exception, repo_id: str, endpoint: str) -> str:
    status = _status(error)
    said = getattr(error, "server_message", None)
    words = " ".join(str(said or error).split())
    if _lacks_xet(error):
        return f"{endpoint} has no Xet storage: set HF_HUB_DISABLE_XET=1 and publish again"
    if status == 401:
        return "the Hub token is missing or not valid: set HF_TOKEN, or run `hf auth login`"
    if status == 403:
        namespace = repo_id.partition("/")[0]
        return f"the token may not write to {namespace}: give it the write role, or choose another USER/NAME ({words})"
    if status == 404:
        return f"{endpoint} does not know it: check USER/NAME and HF_ENDPOINT ({words})"
    if status in CONFLICT:
        return "others keep committing to it: publish again when they are done"
    if status == 429:
        return "the Hub limits the rate of uploads: publish again later, what is uploaded stays so"
    if status is not None:
        return f"the Hub answered {status}: {words}; publish again later, what is uploaded stays so"
    if retry_after(error) is not None:
        return f"{endpoint} cannot be reached: {words}; check the network and HF_ENDPOINT, then publish again"
    return words


def _lacks_xet(error: Exception) -> bool:
    return "404" in str(error) and "/xet-" in str(error)


def _cause(error: Exception) -> Exception:
    """Look through the RuntimeError in which uploading threads wrap theirs."""
    wrapped = isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception)
    return error.__cause__ if wrapped and isinstance(error.__cause__, Exception) else error


def _status(error: Exception) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None
