"""The metadata of a picture in the forms that other programs read."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from ..core.metadata import ResultMetadata

__all__ = ["build_texts", "build_xmp"]

_SOFTWARE = "liangxin_nb"
#: Source: IPTC NewsCodes, digitalsourcetype. The sandbox draws without a model.
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{prompt}</rdf:li></rdf:Alt></dc:description>
<xmp:CreatorTool>{software}</xmp:CreatorTool>
<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
_NAMES = {"seed": "Seed", "steps": "Steps", "num_inference_steps": "Steps", "size": "Size",
          "cfg": "CFG scale", "guidance_scale": "CFG scale"}  # fmt: skip


def build_texts(metadata: ResultMetadata) -> dict[str, str]:
    """Return the texts of a PNG: `parameters`, as Stable Diffusion web UIs write it, and more."""
    options = dict(metadata.options)
    negative = options.pop("negative_prompt", "")
    lines = [metadata.prompt, *([f"Negative prompt: {negative}"] if negative else [])]
    values = {
        _NAMES.get(name, name): value
        for name, value in options.items()
        if isinstance(value, str | int | float) and value != ""
    }
    values |= {"Model": metadata.model}
    lines.append(", ".join(f"{name}: {_quote(value)}" for name, value in values.items()))
    return {"parameters": "\n".join(lines), "Software": _SOFTWARE}


def build_xmp(metadata: ResultMetadata) -> str:
    """Return an XMP packet with the prompt, and that a model made the picture."""
    source = "algorithmicMedia" if metadata.is_sandbox else "trainedAlgorithmicMedia"
    printable = "".join(c for c in metadata.prompt if c >= " " or c in "\t\n")
    prompt = escape(printable.encode("utf-8", "replace").decode())
    return _XMP.format(prompt=prompt, software=_SOFTWARE, source_type=_SOURCE_TYPE + source)


def _quote(value: object) -> str:
    """Return a value, in quotes if it contains what separates values."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ',:"\n') else text
