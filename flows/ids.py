"""Content ids and private random generators, both derived from JSON-native parts."""

import random
import re
from hashlib import blake2b

import orjson


def digest(*parts: object, size: int = 16) -> str:
    """Hex digest of `size` characters of the parts' canonical JSON (keys sorted)."""
    canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return blake2b(canonical, digest_size=size // 2).hexdigest()


def rng(*parts: object) -> random.Random:
    """Give a random generator that depends on the parts alone, the same in every process."""
    return random.Random(int(digest(*parts), 16))


def file_name(text: str) -> str:
    """Give the text as a file's or folder's name; a text that cannot be one keeps apart by a digest."""
    name = re.sub(r"[^\w.-]+|^\.+", "_", text)
    return name if name == text else f"{name}-{digest(text, size=8)}"
