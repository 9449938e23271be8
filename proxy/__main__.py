"""``python -m proxy``: the same as ``tianji``."""

from proxy.cli import main

main()
