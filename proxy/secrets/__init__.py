"""Where secrets are kept outside the gateway: one file a secret manager, named as the config names it."""
