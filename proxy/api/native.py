"""Which paths the gateway serves itself: nothing that a config declares takes them away, nor the need of a key for them."""

import re
from collections import defaultdict
from collections.abc import Iterable

from litestar.handlers import HTTPRouteHandler

OTHERS_FIRST = "others-first"
"""Option of handlers whose paths are theirs only where no pass-through route has them."""
_parameter = re.compile(r"\{[^}:]+(?::([^}]+))?\}")


class NativePaths:
    """The paths of handlers, as a question."""

    def __init__(self, handlers: Iterable[HTTPRouteHandler]) -> None:
        self._exact: defaultdict[str, set[str]] = defaultdict(set)
        self._patterns: list[tuple[re.Pattern[str], frozenset[str]]] = []
        for handler in handlers:
            if handler.opt.get(OTHERS_FIRST):
                continue
            methods = frozenset(str(method) for method in handler.http_methods)
            for path in handler.paths:
                if "{" in path:
                    self._patterns.append((_pattern(path), methods))
                else:
                    self._exact[path].update(methods)

    def __call__(self, path: str, method: str) -> bool:
        """Whether a handler serves the path (decoded; a slash at its end means nothing) with the method."""
        path = path.rstrip("/") or "/"
        if method in self._exact.get(path, ()):
            return True
        return any(method in methods and pattern.fullmatch(path) for pattern, methods in self._patterns)


def _pattern(path: str) -> re.Pattern[str]:
    """Of a template such as ``/v1/models/{model:path}``."""
    written, end = "", 0
    for found in _parameter.finditer(path):
        written += re.escape(path[end : found.start()]) + (".+" if found[1] == "path" else "[^/]+")
        end = found.end()
    return re.compile(written + re.escape(path[end:]), re.DOTALL)
