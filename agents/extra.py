"""The one sentence that says how to install what learning needs."""

from livesim.errors import ConfigError


def missing_extra(error: ImportError) -> ConfigError:
    """Return the error for a learner without the extra `train`."""
    return ConfigError(f"learning needs the extra 'train' ({error}). Install it with: pip install 'livesim[train]'")
