"""The one sentence that says how to install what learning and figures need."""

from livesim.errors import ConfigError


def missing_extra(error: ImportError, what: str = "learning") -> ConfigError:
    """Return the error for a learner, or for what else needs the extra `train`, where that is not installed."""
    return ConfigError(f"{what} needs the extra 'train' ({error}). Install it with: pip install 'livesim[train]'")
