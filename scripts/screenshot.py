"""Takes a picture of a report in a real browser."""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright


def chromium() -> str | None:
    """The system's Chromium, from PATH or .tools/bin."""
    return shutil.which("chromium") or shutil.which("chromium", path=".tools/bin")


def take(page_file: Path, out: Path, *, width: int, height: int, dark: bool, full: bool) -> None:
    """Write a PNG of the page as a browser shows it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        )
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
        page.goto(page_file.resolve().as_uri())
        page.screenshot(path=out, full_page=full)
        browser.close()


def main() -> None:
    """Read the command line and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--full", action="store_true", help="the whole page, not only its first screen")
    asked = parser.parse_args()
    if not asked.report.is_file():
        parser.error(f"{asked.report} is not a file")
    if chromium() is None:
        parser.error("chromium is neither on PATH nor in .tools/bin")
    take(asked.report, asked.out, width=asked.width, height=asked.height, dark=asked.dark, full=asked.full)


if __name__ == "__main__":
    main()
