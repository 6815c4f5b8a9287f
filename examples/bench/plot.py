"""Waveforms as SVG: a panel for each channel over a common time axis, without a plotting library."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, PANEL, LEFT, TOP = 760, 150, 110, 40
COLORS = ("#0b6fb8", "#c2410c", "#15803d", "#7e22ce")


def waveform_svg(title: str, t: Sequence[float], channels: Mapping[str, Sequence[float]]) -> str:
    """Return a plot. `t` in seconds, shown in ms; `channels` by label, such as `rail [V]`, each as long as `t`."""
    panels = [
        _panel(label, t, samples, TOP + place * PANEL, COLORS[place % len(COLORS)])
        for place, (label, samples) in enumerate(channels.items())
    ]
    bottom = TOP + len(panels) * PANEL
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 30}" font-family="sans-serif">',
            '<rect width="100%" height="100%" fill="white"/>',
            _text(LEFT, 24, title, "font-weight='bold'"),
            *panels,
            _text(LEFT, bottom + 16, f"{t[0] * 1e3:.1f} ms"),
            _text(WIDTH - 10, bottom + 16, f"{t[-1] * 1e3:.1f} ms", "text-anchor='end'"),
            "</svg>\n",
        ]
    )


def _panel(label: str, t: Sequence[float], samples: Sequence[float], top: int, color: str) -> str:
    low, high = min(samples), max(samples)
    height, width = PANEL - 30, WIDTH - LEFT - 10
    across, up = width / ((t[-1] - t[0]) or 1), height / ((high - low) or 1)
    points = " ".join(
        f"{LEFT + (at - t[0]) * across:.1f},{top + height - (value - low) * up:.1f}"
        for at, value in zip(t, samples, strict=True)
    )
    return "\n".join(
        [
            f'<rect x="{LEFT}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#bbb"/>',
            _text(LEFT - 8, top + 12, f"{high:.2f}", "text-anchor='end'"),
            _text(LEFT - 8, top + height, f"{low:.2f}", "text-anchor='end'"),
            _text(LEFT - 8, top + height // 2 + 4, label, "text-anchor='end'"),
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>',
        ]
    )


def _text(x: int, y: int, words: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" font-size="13" {style}>{escape(words)}</text>'
