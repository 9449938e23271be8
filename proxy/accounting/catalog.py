"""What is publicly known about the models of a config: the part of the packaged table that its deployments use."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from proxy.accounting.table import Entry, ModelTable, candidates, load_table
from proxy.deployment import Deployment

OFFLINE = "offline"


class Catalog:
    """Entries of the table by deployment. Fixed once built, but for a bounded memory of wildcard matches."""

    def __init__(self, table: ModelTable) -> None:
        self._table = table
        self.entry = lru_cache(maxsize=1024)(self._entry)

    def _entry(self, deployment: Deployment) -> Entry | None:
        """The entry of the deployment's base model, else of its model; ``None``: nothing is known.

        (The reference ignores a base model of another provider when it computes costs, though ``/model/info`` shows its
        prices.)
        """
        base = base_model(deployment)
        found = self._table.find(base) if base is not None else None
        return found or self._table.find(deployment.model, deployment.provider)

    def window(self, deployment: Deployment) -> int | None:
        """How many tokens its model reads: ``model_info.max_input_tokens``, else what is known; ``None``: nothing is."""
        own = deployment.info.get("max_input_tokens")
        entry = self.entry(deployment) if own is None else None
        tokens = own if entry is None else entry.fields.get("max_input_tokens")
        return tokens if isinstance(tokens, int) else None

    def models_of(self, provider: str) -> tuple[str, ...]:
        """The known models of the provider of a wildcard deployment."""
        return self._table.models_of(provider)

    def cheapest_chat_models(self, provider: str, count: int) -> list[str]:
        """The least expensive of its chat models that the provider has not withdrawn, without its prefix."""
        today = datetime.now(UTC).date().isoformat()
        priced = []
        for name in self.models_of(provider):
            entry = self._table.find(name)
            fields = {} if entry is None else entry.fields
            dollars = (fields.get("input_cost_per_token") or 0) + (fields.get("output_cost_per_token") or 0)
            if fields.get("mode") == "chat" and dollars > 0 and fields.get("deprecation_date", today) >= today:
                priced.append((dollars, name.removeprefix(f"{provider}/")))
        return [name for _, name in sorted(priced)[:count]]


def build_catalog(deployments: Iterable[Deployment]) -> Catalog:
    """The catalog of a config's deployments. The table is read only when there is something to look up."""
    names: set[str] = set()
    providers: set[str] = set()
    for deployment in deployments:
        if deployment.provider == OFFLINE:
            continue
        names.update(candidates(deployment.model, deployment.provider))
        base = base_model(deployment)
        if base is not None:
            names.update(candidates(base, None))
        if "*" in deployment.model:
            providers.add(deployment.provider)
    return Catalog(load_table().only(names, providers) if names else ModelTable({}))


def base_model(deployment: Deployment) -> str | None:
    """``base_model`` of ``model_info``, else of ``litellm_params``: what the vendor's own name stands for."""
    name = deployment.info.get("base_model") or deployment.params.other.get("base_model")
    return None if name is None else str(name)
