"""The config file: YAML in, frozen structs out (``model``), by ``load_config`` (``loader``)."""
