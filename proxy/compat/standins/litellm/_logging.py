"""Stand-in for the reference's loggers."""

import logging

verbose_logger = logging.getLogger("tianji.user")
verbose_proxy_logger = verbose_logger.getChild("proxy")
verbose_router_logger = verbose_logger.getChild("router")
