"""What pass-through calls cost: the public price of the vendor's model, whether the config has it or not."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from proxy.accounting.catalog import Catalog
from proxy.accounting.cost import PriceBook
from proxy.accounting.table import load_table
from proxy.call import Usage
from proxy.config.model import DeploymentParams
from proxy.deployment import Deployment


class VendorPrices:
    """Prices of every model that is publicly known. The table is read (6 ms, 2 MB) when the first price is asked for.

    Args:
        settings: ``litellm_settings``, for discounts and margins.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.model_of = lru_cache(maxsize=1024)(_model_of)

    def cost(self, vendor: str, model: str, usage: Usage) -> float | None:
        """US dollars; ``None``: the price is unknown."""
        if not model or not usage.total_tokens:
            return None
        return self._book.cost_of(self.model_of(vendor, model), usage).final

    def facts(self, vendor: str, model: str) -> Mapping[str, Any]:
        """What is publicly known about a vendor's model."""
        entry = self._catalog.entry(self.model_of(vendor, model))
        return {} if entry is None else entry.fields

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog(load_table())

    @cached_property
    def _book(self) -> PriceBook:
        return PriceBook((), self._catalog, self._settings)


def _model_of(vendor: str, model: str) -> Deployment:
    """A vendor's model as metrics and prices know it: a deployment that no config has."""
    return Deployment(
        id=vendor, group="", provider=vendor, model=model, params=DeploymentParams(model=f"{vendor}/{model}"), info={}
    )
