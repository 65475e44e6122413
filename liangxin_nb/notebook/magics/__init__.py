"""IPython magics of the toolkit: `%%liangxin`, `%%liangxin batch` and `%liangxin`."""

from .extension import load, unload

__all__ = ["load", "unload"]
