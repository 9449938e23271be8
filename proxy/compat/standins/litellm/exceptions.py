"""Stand-in for the reference's exceptions."""

from proxy.compat.upstream_errors import *  # noqa: F403
