"""Pictures of a run's report for docs/examples: both languages, wide and narrow, light and dark, printed, without JavaScript.

    python docs/pictures.py runs/demo          # needs chromium in the path, or CHROMIUM, and pillow

Pictures show the first screen; they are reduced to 128 colours, so that all of them stay under 5 MB.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from hanka.run import rebuild
from hanka.store.folder import RunFolder

OUT = Path(__file__).parent / "examples"
MOST_BYTES = 5_000_000
COLOURS = 128


class Picture(NamedTuple):
    """One picture of the report."""

    name: str
    lang: str
    width: int
    height: int
    flags: tuple[str, ...] = ()
    page: str = ""
    "Page in place of the language's: `plain` has no script."


DARK = "--blink-settings=preferredColorScheme=0"
SCRIPT = re.compile(r"<script.*?</script>|</?noscript>", re.DOTALL)
PICTURES = (
    *(
        Picture(f"demo-{lang}-{width}{name}", lang, width, height, flags)
        for lang in ("en", "ja")
        for width, height in ((1300, 1500), (420, 3000))
        for name, flags in (("", ()), ("-dark", (DARK,)))
    ),
    Picture("demo-en-1300-without-script", "en", 1300, 1500, (), "plain"),
)


def main() -> None:
    """Render the report in both languages and take all pictures."""
    from PIL import Image

    run, browser = RunFolder(Path(sys.argv[1])), os.environ.get("CHROMIUM") or shutil.which("chromium")
    if browser is None:
        raise SystemExit("no chromium in the path; name it with CHROMIUM")
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        pages = {lang: Path(scratch) / f"{lang}.html" for lang in ("en", "ja")}
        for lang, page in pages.items():
            rebuild(run, page, lang)
        pages["plain"] = pages["en"].with_stem("plain")
        pages["plain"].write_text(SCRIPT.sub("", pages["en"].read_text(encoding="utf-8")), encoding="utf-8")
        for one in PICTURES:
            taken = Path(scratch) / f"{one.name}.png"
            shot = [f"--window-size={one.width},{one.height}", f"--screenshot={taken}", *one.flags]
            _browse(browser, pages[one.page or one.lang], shot)
            Image.open(taken).convert("RGB").quantize(COLOURS).save(OUT / f"{one.name}.png", optimize=True)
        _browse(browser, pages["en"], [f"--print-to-pdf={OUT / 'demo-en.pdf'}", "--no-pdf-header-footer"])
    total = sum(path.stat().st_size for path in OUT.iterdir())
    print(f"{len(list(OUT.iterdir()))} files, {total / 1e6:.1f} MB in {OUT}")
    if total > MOST_BYTES:
        raise SystemExit(f"more than {MOST_BYTES / 1e6:.0f} MB; lower COLOURS or take fewer pictures")


def _browse(browser: str, page: Path, flags: list[str]) -> None:
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *flags, page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
