"""The OpenAPI document of the gateway, and the pages that show it. Nothing of it is loaded before somebody asks."""
