"""Where do the bytes of a store lie when there is no file system?

In a bucket: `s3://`, `gs://`, `az://`, or behind `https://`, where they can only be read. obstore
speaks to the server. It takes endpoint and credentials from the environment (AWS_ENDPOINT_URL,
AWS_ACCESS_KEY_ID, AWS_ALLOW_HTTP, ...; GOOGLE_...; AZURE_...) and from options, which go wherever
the place goes: pickled parts carry them to workers, but nothing writes or shows them.

A request that fails for a reason that may pass is repeated four times: a server that refuses
connections is given up after some 5 s, one that does not answer after some 30 s.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Any

from genoarrays._optional import optional
from genoarrays.errors import StoreError

__all__ = ["Bucket", "is_url"]

_RETRY = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {
        "init_backoff": timedelta(seconds=0.2),
        "max_backoff": timedelta(seconds=10),
        "base": 3,
    },
}
# obstore wants these apart from what concerns bucket and credentials
_CLIENT = re.compile(
    "allow_http|allow_invalid_certificates|connect_timeout|http1_only|http2_only|pool_.*|proxy_.*|"
    "read_timeout|timeout|user_agent"
)
Options = tuple[tuple[str, str], ...]


def is_url(path: object) -> bool:
    """Whether a path is a URL.

    Examples
    --------
    >>> is_url("s3://bucket/x.zarr"), is_url("/data/x.zarr")
    (True, False)
    """
    return isinstance(path, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path) is not None


class Bucket:
    """Keys below a URL.

    Parameters
    ----------
    url
        Such as "s3://bucket/x.zarr".
    options
        For the server, by obstore's names: "endpoint", "region", "access_key_id", "allow_http",
        "timeout", ...

    Examples
    --------
    >>> Bucket("s3://bucket/x.zarr/", {"secret_access_key": "hidden"}).at("1bp")
    Bucket('s3://bucket/x.zarr/1bp')
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.url = url.rstrip("/")
        self.options: Options = tuple(
            sorted((str(key), _text(value)) for key, value in (options or {}).items())
        )

    def __repr__(self) -> str:
        return f"Bucket({self.url!r})"

    @property
    def _client(self) -> Any:
        return _client(self.url, self.options)

    @contextmanager
    def _explained(self, key: str = "") -> Iterator[None]:
        """Turn what obstore raises into one line that names the key."""
        where = f"{self.url}/{key}" if key else self.url
        try:
            yield
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "there is no such key", where) from None
        except _obstore().exceptions.BaseError as error:
            raise StoreError(f"{where}: {_problem(error)}; {_CURE}") from None

    def read(self, key: str) -> bytes:
        """All bytes of a key."""
        with self._explained(key):
            return bytes(_obstore().get(self._client, key).bytes())

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Some bytes of a key."""
        if length == 0:
            return b""
        with self._explained(key):
            if start >= 0:
                return bytes(_obstore().get_range(self._client, key, start=start, length=length))
            try:
                tail = {"range": {"suffix": -start}}
                return bytes(_obstore().get(self._client, key, options=tail).bytes())[:length]
            except _obstore().exceptions.NotSupportedError:  # Azure
                start = max(_obstore().head(self._client, key)["size"] + start, 0)
                return bytes(_obstore().get_range(self._client, key, start=start, length=length))

    def read_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several ranges of a key, by simultaneous requests."""
        if not ranges:
            return []
        starts, lengths = zip(*ranges, strict=True)
        with self._explained(key):
            # not joined to fewer requests: checksums lie between chunks that nobody asked for
            found = _obstore().get_ranges(
                self._client, key, starts=starts, lengths=lengths, coalesce=0
            )
            return [bytes(some) for some in found]

    def size(self, key: str) -> int | None:
        """Bytes of a key."""
        stamp = self.stamp(key)
        return None if stamp is None else int(stamp[0])

    def stamp(self, key: str) -> Any:
        """Size, time, entity tag and version of a key, by one request."""
        try:
            with self._explained(key):
                info = _obstore().head(self._client, key)
        except FileNotFoundError:
            return None
        return info["size"], info["last_modified"], info["e_tag"], info["version"]

    def write(self, key: str, content: bytes | Iterable[bytes]) -> None:
        """Write a key; readers see it once it is whole."""
        whole = content if isinstance(content, bytes) else b"".join(content)
        with self._written(key):
            _obstore().put(self._client, key, whole)

    def create(self, key: str, content: bytes) -> bool:
        """Write a key unless it is there: one of many writers succeeds.

        Raises
        ------
        StoreError
            When the server cannot do that.
        """
        exceptions = _obstore().exceptions
        try:
            with self._written(key):
                _obstore().put(self._client, key, content, mode="create")
        except StoreError as error:
            cause = error.__context__
            if isinstance(cause, exceptions.AlreadyExistsError):
                # a request that was repeated finds what it wrote itself
                with suppress(FileNotFoundError):
                    return self.read(key) == content
                return False
            if isinstance(cause, exceptions.NotSupportedError) or "501 Not Impl" in str(cause):
                raise StoreError(
                    f"{self.url}: this server cannot keep two writers apart (it does not know "
                    "If-None-Match); write to a folder, and copy the store"
                ) from None
            raise
        return True

    @contextmanager
    def _written(self, key: str) -> Iterator[None]:
        try:
            with self._explained(key):
                yield
        except FileNotFoundError:
            raise StoreError(f"{self.url}: there is no such bucket; create it first") from None

    def delete(self, key: str) -> None:
        """Remove a key, and all keys below it."""
        self.drop(self.list(key))
        if key:
            with suppress(FileNotFoundError), self._explained(key):
                _obstore().delete(self._client, key)

    def drop(self, keys: Iterable[str]) -> None:
        """Remove keys that are there, a thousand with one request where the server can."""
        found = list(keys)
        with self._explained():
            if found:
                _obstore().delete(self._client, found)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys below a prefix."""
        if type(self._client).__name__ == "HTTPStore":
            raise StoreError(
                f"{self.url}: a web server does not list its keys: a complete store can be opened "
                "there, but not written or verified; for that use the bucket's URL, such as s3://"
            )
        with self._explained(prefix):
            for some in _obstore().list(self._client, prefix=prefix or None):
                yield from [info["path"] for info in some]

    def adopt(self, key: str, other: Bucket) -> None:
        """Have the server copy a key from another place in the bucket."""
        one, two = self.url.split("/"), other.url.split("/")
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False))))
        shared = _client("/".join(one[:same]), self.options)
        source, target = "/".join([*two[same:], key]), "/".join([*one[same:], key])
        with self._explained(key):
            _obstore().copy(shared, source, target)

    def zarr_store(self, *, read_only: bool = False) -> Any:
        """A zarr ObjectStore."""
        from zarr.storage import ObjectStore

        return ObjectStore(self._client, read_only=read_only)

    def at(self, key: str) -> Bucket:
        """Keys below a key."""
        return Bucket(f"{self.url}/{key}", dict(self.options))


_CURE = (
    "check the URL, and endpoint and credentials in the environment (such as AWS_ENDPOINT_URL, "
    "AWS_ACCESS_KEY_ID) or in storage_options="
)


def _obstore() -> Any:
    return optional("obstore", purpose="reading and writing s3:// and other URLs", extra="remote")


@lru_cache(maxsize=64)
def _client(url: str, options: Options) -> Any:
    """What speaks to the server; one for all threads of a process."""
    obstore = _obstore()
    from obstore import store

    config, client = dict[str, Any](), dict[str, Any]()
    for key, value in options:
        plain = key.lower().removeprefix("aws_").removeprefix("azure_").removeprefix("google_")
        if _CLIENT.fullmatch(plain):
            client[plain] = value
        else:
            config[key] = value
    if url.startswith("http://"):
        client["allow_http"] = "true"
    if client and "AWS_ALLOW_HTTP" in os.environ:  # obstore forgets it when it is given others
        client.setdefault("allow_http", os.environ["AWS_ALLOW_HTTP"])
    given: dict[str, Any] = {"retry_config": _RETRY}
    given |= {k: v for k, v in (("config", config), ("client_options", client)) if v}
    try:
        return store.from_url(url, **given)
    except (obstore.exceptions.BaseError, TypeError, ValueError) as error:
        raise StoreError(f"{url}: {_problem(error)}; {_CURE}") from None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _problem(error: Exception) -> str:
    """The point of a message that goes on with the server's answer and the request in Rust."""
    text = str(error).partition("Debug source")[0]
    said = re.search(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", text, re.DOTALL)
    if said:
        return f"the server says {said[1]}: {said[2].strip().rstrip('.')}"
    if "builder error" in text:
        return 'http:// is not allowed; set AWS_ALLOW_HTTP=true, or storage_options["allow_http"]'
    if "169.254.169.254" in text:  # where machines of a cloud find theirs
        return "there are no credentials"
    return " ".join(text.split())[:300].rstrip(".: ")
